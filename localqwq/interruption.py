"""Interrupts (Ctrl+C): the end of a program, and work in which they must not arrive."""

import threading
from collections.abc import Callable
from typing import TypeVar

INTERRUPTED = 130
"""Exit code, as a shell reports an end by SIGINT."""
Result = TypeVar("Result")


def interrupted() -> int:
    """Return the exit code once a ``KeyboardInterrupt`` has been handled.

    CPython takes one that has left code compiled from a string, such as that of each dataclass, for
    unhandled, and ends the process by SIGINT whatever its exit code is. Further code of this kind
    makes it forget that.
    """
    exec("pass")
    return INTERRUPTED


def uninterrupted(work: Callable[[], Result]) -> Result:
    """Return what ``work`` returns, or raise what it raises.

    It is done in another thread, since signals are handled in the main one: an interrupt is raised
    here as a ``KeyboardInterrupt``, even if code within ``work`` would replace or lose it, as
    pydantic's does while it builds a model's checks.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    results: list[Result] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="uninterrupted")
    thread.start()
    thread.join()
    for error in errors:
        raise error
    return results[0]
