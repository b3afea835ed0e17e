"""Running programs that a model wrote on tests, in the sandbox of the agent's programs."""

import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from localqwq.agent.sandbox.choosing import backend
from localqwq.agent.sandbox.job import MIB, Job, Limits
from localqwq.agent.sandbox.process import run
from localqwq.agent.sandbox.scratch import Interpreter, interpreter, sandbox_user, scratch_folder
from localqwq.agent.stop import Stop
from localqwq.errors import LocalqwqError
from localqwq.evals.programs.program import Cases, Outcome, checked_program, is_passed

_EACH_SECONDS = 30.0
"""Time of one test. Contests allow a few seconds, on a machine that does nothing else."""
LIMITS = Limits(seconds=300, memory=2048 * MIB, processes=32, disk=1024 * MIB, output=256 * MIB)
"""Of all tests of a program together."""
_DRIVER = Path(__file__).with_name("driver.py")


def require() -> None:
    """Raise ``LocalqwqError`` if programs cannot be run safely on this machine."""
    backend()
    _python()


def passes(before: str, solution: str, tests: str, entry: str, stop: Stop | None = None) -> bool:
    """Return whether a function passes tests that are a program themselves."""
    token = secrets.token_hex()
    program = checked_program(before, solution, tests, entry, token)
    outcomes = run_all(program, [("", MIB)], stop=stop)
    return bool(outcomes) and is_passed(outcomes[0], token)


def verdicts(cases: Cases, solution: str, stop: Stop | None = None) -> list[bool]:
    """Return for each case whether a program is right."""
    inputs = list(zip(cases.inputs, cases.most(), strict=True))
    return cases.verdicts(run_all(cases.program(solution), inputs, stop=stop))


def run_all(
    program: str,
    inputs: Sequence[tuple[str, int]],
    seconds: float = _EACH_SECONDS,
    limits: Limits = LIMITS,
    stop: Stop | None = None,
) -> list[Outcome]:
    """Run a program for each input and maximum bytes of output, up to the first run that fails.

    ``seconds``: the time of each run; ``limits``: of all together. Raises ``LocalqwqError`` if
    nothing isolates programs here.
    """
    python, user = _python(), sandbox_user()
    with scratch_folder(user) as scratch:
        for name, text in (
            ("driver.py", _DRIVER.read_text(encoding="utf-8")),
            ("program.py", program),
            ("inputs.jsonl", "".join(json.dumps(one) + "\n" for one in inputs)),
        ):
            (scratch / name).write_text(text, encoding="utf-8", errors="replace")
            (scratch / name).chmod(0o644)
        words = (*python.words, "driver.py", "program.py", "inputs.jsonl", str(seconds))
        job = Job(words, backend(), scratch, python.folders, limits=limits, user=user)
        try:
            ran = run(job, stop)
        except OSError as error:
            raise LocalqwqError(f"The sandbox cannot be started: {error.strerror}.") from None
    if ran.problem:
        raise LocalqwqError(f"A program could not be run in the sandbox: {ran.problem}.")
    return list(outcomes_of(ran.output))


def _python() -> Interpreter:
    found = interpreter()
    if found is None:
        raise LocalqwqError("Programs are judged with Python, and there is none for the sandbox.")
    return found


def outcomes_of(output: str) -> Iterator[Outcome]:
    """Yield what the driver has written, up to a line that was cut off or is not its own."""
    for line in output.split("\n"):
        try:
            code, text = json.loads(line)
        except (ValueError, TypeError):
            return
        yield Outcome(code, text)
