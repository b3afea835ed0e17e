"""Whether an answer is right. The thought is never looked at."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from localqwq.agent.stop import Stop
from localqwq.evals.bfcl.calls import are_right, calls_of, expected_calls
from localqwq.evals.ifeval.compliance import compliance, instructions_of
from localqwq.evals.livebench.parts import judge_parts
from localqwq.evals.problem import Problem
from localqwq.evals.programs.judging import judge_program
from localqwq.verdicts.boxed import last_boxed
from localqwq.verdicts.choice import chosen_letter
from localqwq.verdicts.numerals import number

_NUMBER = r"-?\d+(?:[.,]\d+)*"
_LAST_NUMBER = re.compile(_NUMBER)
_LARGER = re.compile(
    rf"({_NUMBER})\W*\s(?:is|ist)\s(?:the\s|die\s)?(?:larger|greater|bigger|größer|größere)\b|"
    rf"(?:larger|greater|bigger|größere)\s(?:one\s|number\s|decimal\s|value\s|Zahl\s)?"
    rf"(?:of the two\s)?(?:is|ist|:)\W*({_NUMBER})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer gives, and whether that is right."""

    given: str | None
    """The final answer that was found; None if there is none."""
    right: bool
    marks: dict[str, list[bool]] = field(default_factory=dict)
    """What else was judged, by name: such as each of several instructions."""


def judge(
    problem: Problem,
    answer: str,
    same_value: Callable[[str, str], bool],
    stop: Stop | None = None,
) -> Verdict:
    r"""Return the verdict on an answer, by the problem's kind.

    ``integer`` and ``expression``: the last ``\boxed{}``, compared as numbers; where one is no
    number, ``same_value`` decides about expressions, called with the expected and the given one.
    ``number``: the last box, else the last number of the text. ``larger``: the number that is
    called larger. ``choice``: the letter in the JSON field ``answer``, which QwQ's makers ask for,
    else the one in the last box. ``instructions``: all are followed strictly.
    ``parts``: all parts of the final answer are given, in LiveBench's forms.
    ``calls``: they are made as expected, and no others; ``answer`` has them as text.
    ``program``: the last block of code passes all tests; they end once ``stop`` is set.
    """
    if problem.kind == "instructions":
        return _followed(problem.expected, answer)
    if problem.kind == "calls":
        return _called(problem.expected, answer)
    if problem.kind == "program":
        program, passed = judge_program(problem.expected, answer, stop)
        return Verdict(program, bool(passed) and all(passed), {"tests": passed})
    if problem.kind == "parts":
        return _in_parts(problem.expected, answer)
    given = _given(problem, answer)
    if given is None:
        return Verdict(None, right=False)
    if problem.kind == "choice":
        return Verdict(given, given.upper() == problem.expected.upper())
    expected, value = number(problem.expected), number(given)
    if expected is not None and value is not None:
        return Verdict(given, value == expected)
    is_free = problem.kind == "expression"
    return Verdict(given, is_free and same_value(problem.expected, given))


def _followed(instructions: str, answer: str) -> Verdict:
    found = compliance(instructions_of(instructions), answer)
    marks = {
        "instructions, strict": found.strict,
        "instructions, loose": found.loose,
        "prompts, loose": [all(found.loose)],
    }
    return Verdict(answer.strip() or None, all(found.strict), marks)


def _called(expected: str, answer: str) -> Verdict:
    made = calls_of(answer)
    is_right = are_right(expected_calls(expected), made)
    is_found = is_right or bool(made)
    return Verdict(json.dumps(made, sort_keys=True) if is_found else None, is_right)


def _in_parts(expected: str, answer: str) -> Verdict:
    task, truth = json.loads(expected)
    found = judge_parts(task, truth, answer)
    return Verdict(found.given, found.right, {f"parts of {task}": found.parts})


def _given(problem: Problem, answer: str) -> str | None:
    boxed = last_boxed(answer)
    match problem.kind:
        case "integer" | "expression":
            return boxed
        case "choice":
            return chosen_letter(answer) or (boxed and _letter(boxed))
        case "number":
            return boxed or next(iter(_LAST_NUMBER.findall(answer)[::-1]), None)
        case "larger":
            plain = answer.replace("**", "").replace("$", "")
            found = _LARGER.search(plain)
            return boxed or (found and (found[1] or found[2]))
        case _:
            return answer.strip() or None


def _letter(boxed: str) -> str | None:
    found = re.fullmatch(r"\W*(?:\\(?:text|mathrm|textbf|mathbf)\{)?\W*([A-Z])\W*.*", boxed)
    return found[1] if found else None
