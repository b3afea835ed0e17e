"""Signals that end the app: SIGTERM, SIGHUP, SIGINT and SIGQUIT."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 10.0
"""Maximum seconds that the app may take to store everything and restore the terminal."""


def exit_code(number: int) -> int:
    """Return the exit code of a program ended by a signal, as a shell reports it."""
    return 128 + number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End the block by SystemExit on a signal, which unwinds the stack."""

    def end(number: int, _: object) -> None:
        raise SystemExit(exit_code(number))

    before = {number: signal.signal(number, end) for number in _ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def on_ending_signals(end: Callable[[int], object]) -> None:
    """Call ``end`` with the exit code on a signal, between any two instructions.

    It must therefore not wait for locks. An app that does not end then, since its terminal accepts
    nothing, is killed.
    """

    def handle(number: int, _: object) -> None:
        code = exit_code(number)
        end(code)
        # No thread could be started here: the interrupted one may be starting one.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(code))
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)

    for number in _ending_signals():
        signal.signal(number, handle)


def _ending_signals() -> list[signal.Signals]:
    names = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
