"""How a server process ended, and whether memory was the reason."""

import re
import signal
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypedDict

from localqwq.engine.llama.log_patterns import DEVICE, LOST_SERVER, SHORTAGE
from localqwq.errors import LocalqwqError
from localqwq.installation.origin import rebuild_command

_EXHAUSTED = re.compile(r"MemoryError\b|RuntimeError: can't start new thread\b")
"""The last line of a Python traceback."""

_SERVER_IS_LOST = "an RPC server that held part of the model no longer responds"


class Shortage(Enum):
    """Whether a process ended because memory ran out."""

    NO = "no"
    LIKELY = "likely"
    """It was killed by something, possibly the kernel."""
    CERTAIN = "certain"


@dataclass(frozen=True, slots=True)
class Death:
    """The unexpected end of a server process."""

    sentence: str
    """One sentence on how it ended."""
    shortage: Shortage
    on_device: bool = False
    """Whether a device's memory ran out, rather than the host's."""
    lost_server: bool = False
    """Whether it ended because an RPC server with part of the model was lost."""
    status: int | None = None
    """Its exit status, minus the signal if one ended it; ``None`` if the sentence is its own."""


class LoadFailed(LocalqwqError):
    """A server process ended before it was ready."""

    def __init__(self, sentence: str, death: Death | None) -> None:
        super().__init__(sentence)
        self.death = death
        """How it ended; ``None`` if it refused to load the model and would do so again."""


def speaks_of_shortage(line: str) -> bool:
    """Return whether a line of output reports a failed allocation."""
    return SHORTAGE.search(line) is not None


def speaks_of_device(line: str) -> bool:
    """Return whether such a line is about the memory of a device."""
    return DEVICE.search(line) is not None


def speaks_of_lost_server(line: str) -> bool:
    """Return whether a line means that the process ends because an RPC server was lost."""
    return LOST_SERVER.search(line) is not None


def is_exhausted(line: str) -> bool:
    """Return whether a line means that no memory is left for Python itself.

    The process may not even be able to end: starting a thread, for one, then waits forever.
    """
    return _EXHAUSTED.match(line) is not None


class Symptoms(TypedDict):
    """What was observed of a process that ended, see ``death_of``."""

    short: bool
    oom_killed: bool
    log: Path | None
    on_device: bool
    lost_server: bool


def death_of(
    code: int,
    error: str | None,
    *,
    short: bool,
    oom_killed: bool,
    log: Path | None,
    on_device: bool = False,
    lost_server: bool = False,
) -> Death:
    """Return the description of the end of a process that was ready.

    ``code`` is its exit status, minus the signal if one ended it; ``error``: its own sentence if it
    had one; ``log``: where its messages are, if people can read them; ``short``: it reported a
    failed allocation, ``on_device``: on a device; ``oom_killed``: the kernel killed something for
    memory while it ran; ``lost_server``: it reported that an RPC server was lost.
    """
    shortage = _shortage(code, short, oom_killed)
    if error is not None:
        return Death(error, shortage, on_device)
    if code == -signal.SIGKILL:
        if shortage is Shortage.CERTAIN:
            sentence = "The engine was killed because memory ran out."
        else:
            sentence = "The engine was killed (signal 9), perhaps because memory ran out."
        return Death(sentence, shortage, status=code)
    if lost_server:
        sentence = f"The engine ended because {_SERVER_IS_LOST}{_logged(log)}."
        return Death(sentence, shortage, lost_server=True, status=code)
    verb = "crashed" if code < 0 else "ended by itself"
    reason = " because memory ran out" if shortage is Shortage.CERTAIN else ""
    sentence = f"The engine {verb}{reason} ({_how(code)}){_logged(log)}."
    return Death(sentence, shortage, on_device, status=code)


def load_failure_of(
    code: int,
    error: str | None,
    *,
    short: bool,
    oom_killed: bool,
    log: Path | None,
    on_device: bool = False,
    lost_server: bool = False,
) -> LoadFailed:
    """Return the error for a process that ended while loading, with its own sentence if it had
    one.
    """
    shortage = _shortage(code, short, oom_killed)
    if error is not None:
        retry = None if shortage is Shortage.NO else Death(error, shortage, on_device)
        return LoadFailed(error, retry)
    how = _how(code)
    if lost_server:
        how = _SERVER_IS_LOST
    elif shortage is Shortage.LIKELY:
        how += ", perhaps because memory ran out"
    elif shortage is Shortage.CERTAIN:
        how += ", because memory ran out"
    sentence = f"The engine stopped while loading ({how}){_logged(log)}."
    return LoadFailed(sentence, Death(sentence, shortage, on_device, lost_server, code))


def oom_kills(path: Path = Path("/proc/vmstat")) -> int | None:
    """Return how many processes Linux has killed for memory so far; ``None`` if unknown.

    The counter ``oom_kill`` includes kills by control group limits.
    """
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return None


def _logged(log: Path | None) -> str:
    """Return the clause that says where its messages are."""
    return f"; its last messages are in {log}" if log else ""


def _how(code: int) -> str:
    """Return what an exit status tells, with the way out if there is one."""
    if code == -signal.SIGILL:
        return (
            "signal 4, an illegal instruction: llama.cpp was compiled for another processor, or "
            f"wrongly; compile it here: {rebuild_command()}"
        )
    return f"signal {-code}" if code < 0 else f"status {code}"


def _shortage(code: int, short: bool, oom_killed: bool) -> Shortage:
    if short or (code == -signal.SIGKILL and oom_killed):
        return Shortage.CERTAIN
    return Shortage.LIKELY if code == -signal.SIGKILL else Shortage.NO
