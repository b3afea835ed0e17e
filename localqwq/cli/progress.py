"""Progress of long work on stderr: a bar on a terminal, plain lines elsewhere."""

import shutil
import sys
import time
from collections.abc import Callable
from typing import Self

from localqwq.cli.terminal_text import CLEAR_LINE, control
from localqwq.sizes import readable_size

_QUIET_S = 0.5
"""Seconds; shorter work shows nothing."""
_BAR_EVERY_S = 0.1
_LINE_EVERY_S = 10.0
_SOME = 0.005
"""Fraction of the work before which the remaining time is not estimated."""


class ByteProgress:
    """Show how many bytes of some work are done; call it with done and total.

    Other units are possible: ``shown`` writes an amount of them.
    """

    def __init__(self, label: str, shown: Callable[[float], str] = readable_size) -> None:
        self._label = label
        self._written = shown
        self._terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._next = self._started + _QUIET_S
        self._shown = False
        self._done = 0
        self._last_call = self._started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown and self._terminal:
            control(sys.stderr, CLEAR_LINE)
            sys.stderr.flush()

    def begin(self) -> None:
        """Start the clock now, rather than at creation."""
        self._started = self._last_call = time.monotonic()
        self._next = self._started + _QUIET_S

    def __call__(self, done: int, total: int, before: int = 0) -> None:
        """Record that ``done`` of ``total`` bytes are done; a lower number starts another file.

        Args:
            done: bytes done.
            total: total bytes.
            before: bytes that were done at the start, which do not count for the speed.
        """
        now = time.monotonic()
        if done < self._done:
            self._started = self._last_call
        self._done, self._last_call = done, now
        if now < self._next:
            return
        self._shown = True
        self._next = now + (_BAR_EVERY_S if self._terminal else _LINE_EVERY_S)
        speed = max(0, done - before) / max(now - self._started, 1e-9)
        part = min(1.0, done / total) if total else 1.0
        text = f"{self._label}  {part:4.0%}  {self._written(done)} of {self._written(total)}"
        if speed:
            text += f"  {self._written(speed)}/s"
        if speed and part >= _SOME:
            text += f"  {readable_duration((total - done) / speed)} left"
        if self._terminal:
            columns = shutil.get_terminal_size().columns
            room = max(0, min(40, columns - len(text) - 3))
            bar = ("█" * round(room * part)).ljust(room, "░")
            # A line that wraps could not be overwritten.
            shown = f"{bar}  {text}"[: columns - 1]
            control(sys.stderr, CLEAR_LINE)
            print(shown, end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)


def time_taken(seconds: float) -> str:
    """Return seconds with a tenth below a minute, then like a clock."""
    return f"{seconds:.1f} s" if seconds < 60 else readable_duration(seconds)


def readable_duration(seconds: float) -> str:
    """Return hours, minutes and seconds like a clock: ``0:42``, ``12:05``, ``1:02:03``."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
