"""Whether the program in an answer is right."""

import json
from pathlib import Path

from localqwq.agent.stop import Stop
from localqwq.evals.programs import execution
from localqwq.evals.programs.case_files import read_cases
from localqwq.evals.programs.extraction import program_of


def with_checks(before: str, tests: str, entry: str) -> str:
    """Return as a text that a function has to pass tests.

    ``before``: what is run before it; ``tests`` define a function ``check``, which is called with
    the function named ``entry``.
    """
    return json.dumps({"before": before, "tests": tests, "entry": entry})


def with_cases(path: Path, md5: str) -> str:
    """Return as a text that a program has to pass the cases in a file."""
    return json.dumps({"path": str(path), "md5": md5})


def judge_program(
    expected: str, answer: str, stop: Stop | None = None
) -> tuple[str | None, list[bool]]:
    """Return the program in an answer, and for each test whether it is passed.

    The program is None, and no test is passed, where the answer has none. Raises ``LocalqwqError``
    if programs cannot be run here, or the file with the tests is not there.
    """
    wanted = json.loads(expected)
    if "entry" in wanted:
        program = program_of(answer, wanted["entry"])
        if program is None:
            return None, [False]
        passed = execution.passes(wanted["before"], program, wanted["tests"], wanted["entry"], stop)
        return program, [passed]
    cases = read_cases(Path(wanted["path"]), wanted["md5"])
    program = program_of(answer, None if cases.function is None else "Solution")
    if program is None:
        return None, [False] * len(cases.inputs)
    return program, execution.verdicts(cases, program, stop)
