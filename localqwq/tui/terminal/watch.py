"""A terminal that may be gone at any moment."""

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
"""Between two questions, where a terminal's end cannot be waited for."""


class TerminalWatch:
    """Ends the app, from now on, within a second after its terminal is gone.

    The kernel sends SIGHUP only to the process that leads the terminal's session. Where that is
    not the app and waits for it, as `make` does, nothing else would tell.
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
    """What the app draws through: what is written when the terminal is gone is dropped.

    Textual's thread for output would die of that, and everything else would wait for it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Writes, where somebody sees it."""
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Hands everything to the terminal."""
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal, and still there."""
        return self._file.isatty()


def _wait(descriptor: int) -> None:
    """Sleeps until the terminal has hung up, which every wait is told of."""
    import select

    terminal = select.poll()
    terminal.register(descriptor, 0)
    while not any(event & (select.POLLHUP | select.POLLERR) for _, event in terminal.poll()):
        time.sleep(_EVERY_S)


def _ask(descriptor: int) -> None:
    """Asks again and again, since not every system can wait for a terminal."""
    answered = _answers(descriptor)
    while answered <= _answers(descriptor):
        time.sleep(_EVERY_S)


def _answers(descriptor: int) -> set[str]:
    """What the terminal answers.

    BSD's answers questions about its modes when it is closed, but is nobody's controlling terminal
    any more; ours need not have been that before, either.
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
