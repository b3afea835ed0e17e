"""Signals that end the app: SIGTERM, SIGHUP, SIGINT and SIGQUIT."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 10.0
"""For so long the app may store what is there and give the terminal back."""


def exit_code(number: int) -> int:
    """Of a program that a signal has ended, as a shell would report it."""
    return 128 + number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """What is in here ends by SystemExit when a signal says so, which unwinds the stack."""

    def end(number: int, _: object) -> None:
        raise SystemExit(exit_code(number))

    before = {number: signal.signal(number, end) for number in _ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def on_ending_signals(end: Callable[[int], object]) -> None:
    """Has `end` called with the exit code when a signal says so, in between anything.

    So it must wait for no lock. An app that does not end then, since its terminal takes nothing,
    is ended.
    """

    def handle(number: int, _: object) -> None:
        code = exit_code(number)
        end(code)
        # No thread could be started here: the one that was interrupted may be starting one.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(code))
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)

    for number in _ending_signals():
        signal.signal(number, handle)


def _ending_signals() -> list[signal.Signals]:
    names = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
