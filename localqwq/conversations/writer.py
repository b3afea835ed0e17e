"""Which process writes a turn, and whether it is still alive."""

from __future__ import annotations

import os

import psutil

CLOCK_SECONDS = 2.0
"""Maximum difference in how two processes see a third one's start, if the clock is set."""
_UNKNOWN = "?"
"""Placeholder for a start time that a sandbox hides with ``/proc``."""


def this_process() -> str:
    """Return a name for this process that no later one gets, even if its number is reused."""
    pid = os.getpid()
    try:
        return f"{pid} {psutil.Process(pid).create_time():.2f}"
    except (OSError, psutil.Error):
        return f"{pid} {_UNKNOWN}"


def is_alive(writer: str) -> bool:
    """Return whether that process is still running; True if its start time is unknown."""
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
        os.kill(pid, 0)  # psutil would read /proc again
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
