"""The end of the app when its terminal is closed."""

from __future__ import annotations

import os
import sys
import threading
import time

_EVERY_S = 1.0
"""Between two questions, where a terminal's end cannot be waited for."""
_HUNG_UP = 129
"""Exit code: 128 and the number of SIGHUP, as a shell would report it."""


def end_with_terminal(descriptor: int) -> None:
    """Ends the process, from now on, within a second after the terminal is gone.

    The kernel sends SIGHUP only to the process that leads the terminal's session. Where that is
    not the app and waits for it, as `make` does, nothing would ever end: Textual's output thread
    dies of the closed terminal and the event loop then waits for that thread, so that it cannot
    be asked to. What was said is stored each second, and the engine's process notices by itself.
    """
    watch = threading.Thread(target=_watch, args=(descriptor,), name="terminal", daemon=True)
    watch.start()


def _watch(descriptor: int) -> None:
    if sys.platform == "linux":
        _wait(descriptor)
    else:
        _ask(descriptor)
    os._exit(_HUNG_UP)


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
