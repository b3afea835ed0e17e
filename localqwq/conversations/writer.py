"""Which process writes a turn, and whether it still lives."""

from __future__ import annotations

import os

import psutil

CLOCK_SECONDS = 2.0
"""By so much may two processes see the start of a third one differently, when the clock is set."""
_UNKNOWN = "?"
"""When a process was started, where a sandbox keeps ``/proc`` to itself."""


def this_process() -> str:
    """A name for this process that no later one gets, even when its number is used again."""
    pid = os.getpid()
    try:
        return f"{pid} {psutil.Process(pid).create_time():.2f}"
    except (OSError, psutil.Error):
        return f"{pid} {_UNKNOWN}"


def is_alive(writer: str) -> bool:
    """Whether the process of that name still runs; also where nobody can say when it started."""
    number, _, started = writer.partition(" ")
    try:
        pid = int(number)
        if started == _UNKNOWN:
            return pid > 0 and _exists(pid)
        process = psutil.Process(pid)
        same = abs(process.create_time() - float(started)) < CLOCK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (ValueError, OverflowError, psutil.Error):
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # psutil would look into /proc again
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
