"""Which sandbox this machine has."""

import sys
from functools import cache

from localqwq.agent.sandbox import bubblewrap, landlock, seccomp
from localqwq.agent.sandbox.job import BackendName
from localqwq.agent.sandbox.probe import problem_of
from localqwq.errors import LocalqwqError


@cache
def backend() -> BackendName:
    """Return the back end to use.

    Raises :class:`LocalqwqError` with the reasons if none works: then nothing may be run.
    """
    problems: list[str] = []
    for name in installed():
        if not (problem := problem_of(name)):
            return name
        problems.append(f"{name} {problem}")
    if not problems:
        problems.append(_MISSING)
    raise LocalqwqError(f"There is no working sandbox: {'; '.join(problems)}.")


def installed() -> list[BackendName]:
    """Return the back ends that this machine seems to have, the best first."""
    if sys.platform == "darwin":
        return ["seatbelt"]
    found: list[BackendName] = []
    if sys.platform == "linux" and seccomp.is_supported():
        if bubblewrap.program() is not None:
            found.append("bubblewrap")
        if landlock.version() >= landlock.LEAST_ABI:
            found.append("landlock")
    return found


_MISSING = (
    "install bubblewrap, or use Linux 6.2 or newer with Landlock"
    if sys.platform == "linux"
    else "this system has none that localqwq knows"
)
