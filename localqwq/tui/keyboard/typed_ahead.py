"""Keeping what is typed before the app reads it, without echoing it outside the app."""

from __future__ import annotations

import array
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(slots=True)
class TypedAhead:
    """A terminal that waits for the app."""

    modes: list[Any] | None = None
    """The terminal's former modes; None if it has none."""
    cooked: int = 0
    """Number of bytes that arrived while the terminal still turned Enter into a line feed."""

    def keys(self, data: bytes) -> bytes:
        """Return the next bytes read, with Enter as the key sends it."""
        cooked, rest = data[: self.cooked], data[self.cooked :]
        self.cooked -= len(cooked)
        return cooked.replace(b"\n", b"\r") + rest


@runtime_checkable
class TypedAheadIn(Protocol):
    """An app with keys typed before it started."""

    typed_ahead: TypedAhead


@contextmanager
def terminal_kept(descriptor: int) -> Iterator[TypedAhead]:
    """Make the terminal pass on raw keys, from now until the app configures it.

    Otherwise it would echo them, end lines at Enter, and act on Ctrl+Q, Ctrl+U or Ctrl+W. Ctrl+C
    still interrupts. Afterwards the terminal's modes are restored.
    """
    if os.name != "posix":
        yield TypedAhead()
        return
    import fcntl
    import termios

    try:
        modes = termios.tcgetattr(descriptor)
    except termios.error:
        yield TypedAhead()
        return
    raw = [*modes[:6], [*modes[6]]]
    raw[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.IXOFF)
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
    termios.tcsetattr(descriptor, termios.TCSANOW, raw)
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    try:
        yield TypedAhead(modes, count[0])
    finally:
        with suppress(termios.error):  # it is gone
            termios.tcsetattr(descriptor, termios.TCSANOW, modes)
