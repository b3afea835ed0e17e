"""The end of the app when its terminal is closed."""

from __future__ import annotations

import os
import threading
import time

_EVERY_S = 1.0
_HUNG_UP = 129
"""Exit code: 128 and the number of SIGHUP, as a shell would report it."""


def end_with_terminal(descriptor: int) -> None:
    """Ends the process, from now on, within a second after the terminal is gone.

    The kernel sends SIGHUP only to the process that leads the terminal's session. Where that is
    not the app and waits for it, as `make` does, nothing would ever end: Textual's output thread
    dies of the closed terminal and the event loop then waits for that thread, so that it cannot
    be asked to. What was said is stored each second, and the engine's process notices by itself.
    """
    if os.name == "posix":
        watch = threading.Thread(target=_watch, args=(descriptor,), name="terminal", daemon=True)
        watch.start()


def _watch(descriptor: int) -> None:
    answered = _answers(descriptor)
    while answered <= _answers(descriptor):
        time.sleep(_EVERY_S)
    os._exit(_HUNG_UP)


def _answers(descriptor: int) -> set[str]:
    """What the terminal answers.

    On Linux a closed one fails at all questions. BSD's answers those about its modes, but is
    nobody's controlling terminal any more; ours need not have been that before, either.
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
