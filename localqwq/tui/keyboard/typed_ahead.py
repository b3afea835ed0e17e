"""What is typed before the app reads it is kept, and not echoed outside of the app."""

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
    """How the terminal was set before; None where it has no modes."""
    cooked: int = 0
    """So many bytes came while the terminal still made a line feed of each Enter."""

    def keys(self, data: bytes) -> bytes:
        """The next bytes that are read, with Enter as the key sends it."""
        cooked, rest = data[: self.cooked], data[self.cooked :]
        self.cooked -= len(cooked)
        return cooked.replace(b"\n", b"\r") + rest


@runtime_checkable
class TypedAheadIn(Protocol):
    """An app in which was typed before it began."""

    typed_ahead: TypedAhead


@contextmanager
def terminal_kept(descriptor: int) -> Iterator[TypedAhead]:
    """Has the terminal hand over keys as they are, from now until the app sets it for itself.

    Otherwise it would echo them, end lines with Enter, and obey Ctrl+Q, Ctrl+U or Ctrl+W. Ctrl+C
    goes on interrupting. Afterwards the terminal is as it was before.
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
