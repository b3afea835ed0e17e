"""Lines from the terminal or from a pipe, as they are typed."""

from __future__ import annotations

import asyncio
import codecs
import os
import select
import threading
from contextlib import suppress

_TOGETHER_SECONDS = 0.05
"""Seconds within which lines count as arriving together, as when pasted."""
LONGEST_LINE = 4095
"""Maximum bytes of a line on Linux terminals; more typed characters are lost there."""


class Keyboard:
    """Reads lines in a thread; lines that arrive together are one item of the queue."""

    def __init__(self, descriptor: int, *, is_terminal: bool) -> None:
        """Set up; lines are grouped only on a terminal, not in a pipe."""
        self._descriptor = descriptor
        self._is_terminal = is_terminal
        self.is_gone = False
        """Whether the terminal is gone."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[list[str] | None] = asyncio.Queue()
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    async def lines(self) -> list[str] | None:
        """Return the next lines; None when there are no more."""
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
        # Not sys.stdin: its lock, held by a waiting thread, would break interpreter shutdown.
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
