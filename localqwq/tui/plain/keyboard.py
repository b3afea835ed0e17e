"""Lines from the terminal, or from a pipe, as they are typed."""

from __future__ import annotations

import asyncio
import codecs
import os
import select
import threading
from contextlib import suppress

_TOGETHER_SECONDS = 0.05
"""Lines that come within this time came together, as pasted ones do."""
LONGEST_LINE = 4095
"""Bytes of a line that Linux's terminals hand over; what is typed beyond them is lost there."""


class Keyboard:
    """Reads lines in a thread; those that came together are one item of the queue."""

    def __init__(self, descriptor: int, *, is_terminal: bool) -> None:
        """Only on a terminal do lines come together; in a pipe each is for itself."""
        self._descriptor = descriptor
        self._is_terminal = is_terminal
        self.is_gone = False
        """Whether the terminal is."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[list[str] | None] = asyncio.Queue()
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    async def lines(self) -> list[str] | None:
        """The next lines; None when no more come."""
        return await self._queue.get()

    def _read(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        rest = ""
        while data := self._bytes():
            *lines, rest = (rest + decode(data)).split("\n")
            if self._is_terminal:
                while self._has_more() and (data := self._bytes()):
                    *more, rest = (rest + decode(data)).split("\n")
                    lines += more
                self._put(lines)
            else:
                for line in lines:
                    self._put([line])
        self._put([rest])
        self._put(None)

    def _bytes(self) -> bytes:
        # Not sys.stdin: its lock, held by a thread that waits, would break the interpreter's end.
        try:
            return os.read(self._descriptor, 1 << 16)
        except OSError:
            self.is_gone = True
            return b""

    def _has_more(self) -> bool:
        return bool(select.select([self._descriptor], [], [], _TOGETHER_SECONDS)[0])

    def _put(self, lines: list[str] | None) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._queue.put_nowait, lines)
