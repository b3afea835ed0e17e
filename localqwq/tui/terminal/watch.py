"""Handling a terminal that may disappear at any moment."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from localqwq.tui.terminal.signals import PATIENCE_S, exit_code

_EVERY_S = 1.0
"""Seconds between two checks, if a terminal's end cannot be waited for."""


class TerminalWatch:
    """Ends the app within a second after its terminal is gone.

    The kernel sends SIGHUP only to the leader of the terminal's session. If that is another process
    which waits for the app, such as ``make``, nothing else would tell.
    """

    def __init__(self, descriptor: int) -> None:
        self.end: Callable[[int], object] = lambda _: None
        """Asks the app to end with an exit code; called from another thread."""
        watch = threading.Thread(
            target=self._watch, args=(descriptor,), name="terminal", daemon=True
        )
        watch.start()

    def _watch(self, descriptor: int) -> None:
        if sys.platform == "linux":
            _wait(descriptor)
        else:
            _ask(descriptor)
        code = exit_code(signal.SIGHUP)
        self.end(code)
        time.sleep(PATIENCE_S)
        os._exit(code)


class TerminalOutput:
    """The app's output: what is written after the terminal is gone is dropped.

    Otherwise Textual's output thread would die, and everything else would wait for it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, if somebody can see it."""
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush everything to the terminal."""
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        """Return the terminal's descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal that still exists."""
        return self._file.isatty()


def _wait(descriptor: int) -> None:
    """Sleep until the terminal has hung up, which every wait is told about."""
    import select

    terminal = select.poll()
    terminal.register(descriptor, 0)
    while not any(event & (select.POLLHUP | select.POLLERR) for _, event in terminal.poll()):
        time.sleep(_EVERY_S)


def _ask(descriptor: int) -> None:
    """Check repeatedly, since not every system can wait for a terminal."""
    answered = _answers(descriptor)
    while answered <= _answers(descriptor):
        time.sleep(_EVERY_S)


def _answers(descriptor: int) -> set[str]:
    """Return the terminal's answers.

    A closed BSD terminal still answers questions about its modes, but is no longer a controlling
    terminal; ours need not have been one before, either.
    """
    import termios

    answers = set()
    try:
        termios.tcgetattr(descriptor)
        answers.add("modes")
        os.tcgetpgrp(descriptor)
        answers.add("foreground")
    except (OSError, termios.error):
        pass
    return answers
