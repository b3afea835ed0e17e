r"""Whether the final answer of a question is right, in all of its parts.

Questions ask for their answers in different forms, by release and task: in ``<solution>`` tags, a
box, bold text, a letter that is repeated, or behind ``Answer:``. The authors take any of them, and
so do these rules, which are written after theirs but are not held against them.
"""

import re
from dataclasses import dataclass

from localqwq.verdicts.boxed import last_boxed
from localqwq.verdicts.numerals import number

_SOLUTION = re.compile(r"</?solution>(.*?)</solution>", re.DOTALL)
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_ORDER = re.compile(r"answer\s*:[\s*]*([^\n]*\d[^\n]*)", re.IGNORECASE)
_REPEATED = re.compile(r"([A-E])\1{3,}")
_LETTER = re.compile(r"\W*([A-Ea-e])\W*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_TEX = re.compile(r"\\[a-zA-Z]+|[{}$\\]")
_NO_LETTER = re.compile(r"[\W_]+")
_NUMERALS = {
    word: str(value)
    for value, word in enumerate(
        (
            *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
            *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
            *("seventeen", "eighteen", "nineteen", "twenty"),
        )
    )
}
_LAST_BOLD = 3
"""Bold texts at the end of an answer about space, any of which may be what is asked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an answer gives."""

    given: str | None
    """The final answer; None if there is none."""
    parts: list[bool]
    """Whether each part of the right answer is given in its place."""
    right: bool
    """Whether all are, and no others."""


def judge_parts(task: str, truth: str, answer: str) -> Found:
    """Return what an answer to a question of a task gives; ``truth`` is the right one."""
    match task:
        case "math_comp":
            return _one(truth, _letter(answer) if truth.isalpha() else _last_number(answer))
        case "cta":
            given = _final(answer) or answer.strip()
            right = bool(given) and "".join(_words(given)) == "".join(_words(truth))
            return Found(given or None, [right], right)
        case "spatial":
            return _spatial(truth, answer)
        case "olympiad":
            return _several(truth, _order(answer))
        case _:
            return _several(truth, _final(answer) or _bold(truth, answer) or _line(truth, answer))


def _one(truth: str, given: str | None) -> Found:
    right = given is not None and _is_same(truth, given)
    return Found(given, [right], right)


def _several(truth: str, given: str | None) -> Found:
    wanted = truth.split(",")
    found = [] if given is None else given.split(",")
    parts = [_is_same(one, other) for one, other in zip(wanted, found, strict=False)]
    parts += [False] * (len(wanted) - len(parts))
    return Found(given, parts, all(parts) and len(found) == len(wanted))


def _spatial(truth: str, answer: str) -> Found:
    texts = [_final(answer), *reversed(_BOLD.findall(answer)[-_LAST_BOLD:])]
    given = [text for text in texts if text is not None]
    right = next((text for text in given if _is_same(truth, text)), None)
    return _one(truth, right or next(iter(given), None))


def _is_same(truth: str, given: str) -> bool:
    """Compare words without case and signs, and numbers by their values.

    A given part may say one word more, such as ``position 4``.
    """
    one, other = number(truth), number(given)
    if one is not None and other is not None:
        return one == other
    right, words = _words(truth), _words(given)
    return bool(right) and right in (words, words[1:], words[:-1])


def _words(text: str) -> list[str]:
    words = _NO_LETTER.sub(" ", text.lower()).split()
    return [_NUMERALS.get(word, word) for word in words]


def _final(answer: str) -> str | None:
    """Return what stands in the last ``<solution>``, else in the last box."""
    if tags := _SOLUTION.findall(answer):
        return str(tags[-1]).strip() or None
    boxed = last_boxed(answer)
    return boxed and (_TEX.sub("", boxed).strip() or None)


def _letter(answer: str) -> str | None:
    final = _final(answer) or ""
    if (found := _LETTER.fullmatch(final) or _REPEATED.fullmatch(final.upper())) is not None:
        return found[1]
    repeated = _REPEATED.findall(answer)
    return repeated[-1] if repeated else None


def _last_number(answer: str) -> str | None:
    text = _final(answer) or answer
    return next(iter(_NUMBER.findall(text)[::-1]), None)


def _order(answer: str) -> str | None:
    """Return the numbers that are asked for behind ``Answer:``."""
    behind = _ORDER.findall(answer)
    text = behind[-1] if behind else _final(answer)
    if text is None:
        text = answer.strip().rpartition("\n")[2]
    return ",".join(_NUMBER.findall(text)) or None


def _bold(truth: str, answer: str) -> str | None:
    """Return the last bold words, as many as are asked for, in one text or in several."""
    words = [word for text in _BOLD.findall(answer) for word in text.strip(" .").split(",")]
    count = truth.count(",") + 1
    return ",".join(words[-count:]) if len(words) >= count else None


def _line(truth: str, answer: str) -> str | None:
    """Return the last line if it has as many parts as are asked for."""
    last = answer.strip().rpartition("\n")[2]
    is_list = "," in truth and last.count(",") == truth.count(",")
    return last if is_list else None
