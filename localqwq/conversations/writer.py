"""Which process writes a turn, and whether it still lives."""

from __future__ import annotations

import psutil

CLOCK_SECONDS = 2.0
"""By so much may two processes see the start of a third one differently, when the clock is set."""


def this_process() -> str:
    """A name for this process that no later one gets, even when its number is used again."""
    process = psutil.Process()
    return f"{process.pid} {process.create_time():.2f}"


def is_alive(writer: str) -> bool:
    """Whether the process of that name still runs."""
    pid, _, started = writer.partition(" ")
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < CLOCK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.Error):
        return False
