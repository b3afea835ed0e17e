"""Child processes by what their command lines contain, while some of them end; their threads."""

import ctypes

import psutil


def children_with(word: str, parent: psutil.Process | None = None) -> list[psutil.Process]:
    """The children of a process, of this one by default, that have a word in their command line."""
    started = (psutil.Process() if parent is None else parent).children()
    return [child for child in started if word in command_of(child)]


def command_of(process: psutil.Process) -> str:
    """The command line of a process; empty for one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def signal_another_thread(pid: int, number: int) -> None:
    """Send a signal to a thread of a process that is not its main one. Linux only."""
    threads = {thread.id for thread in psutil.Process(pid).threads()}
    other = min(threads - {pid})
    assert ctypes.CDLL(None).tgkill(pid, other, number) == 0
