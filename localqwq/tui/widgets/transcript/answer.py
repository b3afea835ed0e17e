"""An answer: Markdown that grows without costing more the longer it gets."""

from __future__ import annotations

import math
import time

from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Markdown

from localqwq.tui.widgets.transcript.seam import seam

REDRAW_SECONDS = 0.1
"""Pieces that come within this time are drawn together."""
SHARE = 0.2
"""The part of the time that drawing may take; the processor is the engine's."""


class AnswerText(Vertical):
    """An answer, streamed or from the store.

    Textual lays the last block of a document out again whenever text is added. A long list is
    one block, so it is continued in a document of its own.
    """

    def __init__(self, text: str | None = None) -> None:
        """A complete answer; without `text`, one that is about to grow."""
        super().__init__()
        self._source = text or ""
        self._pending = ""
        self._last = Markdown(text)
        self._grows = text is None
        self._due = 0.0
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """Shows the text, and looks for more of it where more is to come."""
        self.mount(self._last)
        if self._grows:
            self._timer = self.set_interval(REDRAW_SECONDS, self._draw)

    def append(self, text: str) -> None:
        """Adds a piece; it is drawn with those that come shortly after it."""
        self._pending += text

    def end(self) -> None:
        """No more pieces come."""
        self._grows = False

    async def _draw(self) -> None:
        begun = time.monotonic()
        if self._pending and (begun >= self._due or not self._grows):
            pending, self._pending = self._pending, ""
            self._due = math.inf
            await self._add(pending)
            self.call_after_refresh(self._pace, begun)
        if not self._grows and not self._pending and self._timer is not None:
            self._timer.stop()

    def _pace(self, begun: float) -> None:
        """Waits the longer the more there was to lay out and to paint."""
        drawn = time.monotonic()
        self._due = drawn + (drawn - begun) * (1 / SHARE - 1)

    async def _add(self, text: str) -> None:
        drawn, self._source = len(self._source), self._source + text
        while (cut := seam(self._source)) is not None:
            if cut < drawn:
                await self._last.update(self._source[:cut])
            else:
                await self._last.append(self._source[drawn:cut])
            self._last.add_class("-continued")
            drawn, self._source = 0, self._source[cut:]
            self._last = Markdown()
            await self.mount(self._last)
        await self._last.append(self._source[drawn:])
