"""Which process writes a turn, and whether it still lives."""

from __future__ import annotations

import psutil


def this_process() -> str:
    """A name for this process that no later one gets, even when its number is used again."""
    process = psutil.Process()
    return f"{process.pid} {process.create_time():.2f}"


def is_alive(writer: str) -> bool:
    """Whether the process of that name still runs."""
    pid, _, started = writer.partition(" ")
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" == started
    except (ValueError, psutil.Error):
        return False
