"""An answer: Markdown that grows without costing more the longer it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.timer import Timer

from localqwq.tui.widgets.transcript.lines import Lines
from localqwq.tui.widgets.transcript.pace import TICK_SECONDS, Pace

if TYPE_CHECKING:
    from localqwq.tui.markdown.document import Block

_STEP = 3
"""Lines by which a growing answer becomes higher."""


class AnswerText(Lines):
    """An answer, streamed or from the store."""

    DEFAULT_CSS = "AnswerText { height: auto; }"

    def __init__(self, text: str | None = None) -> None:
        """A complete answer; without `text`, one that is about to grow."""
        # Its parser takes a while to import: the first screen has no answer yet.
        from localqwq.tui.markdown.document import Document

        self._document = Document(text or "", complete=text is not None)
        super().__init__(self._document)
        self._grows = text is None
        self.step = _STEP if self._grows else 1
        self.grew = False
        """Whether there is more than what is drawn."""
        self._pace = Pace()
        self._timer: Timer | None = None

    @property
    def source(self) -> str:
        """The Markdown."""
        return self._document.source

    @property
    def blocks(self) -> list[Block]:
        """Its blocks, as far as they are laid out."""
        return self._document.blocks

    def on_mount(self) -> None:
        """Looks for more text where more is to come."""
        if self._grows:
            self._timer = self.set_interval(TICK_SECONDS, self._redraw)

    def append(self, text: str) -> None:
        """Adds a piece; it is drawn with those that come shortly after it."""
        self._document.append(text)
        self.grew = True

    def end(self) -> None:
        """No more pieces come."""
        if self._grows:
            self._grows = False
            self.step = 1
            self._document.complete()
            if self._timer is not None:
                self._timer.stop()
            self.update()

    def block_source(self, block: Block) -> str:
        """A block as it was written; of a fence what is between its marks."""
        text = self._document.source[block.start : block.end].strip("\n")
        if block.kind != "fence":
            return text
        first, *lines = text.split("\n")
        closed = bool(lines) and set(lines[-1].strip()) <= set("`~")
        del first
        return "\n".join(lines[:-1] if closed else lines)

    def _redraw(self) -> None:
        if self.grew and self._pace.is_due:
            self._pace.begin()
            self.grew = False
            self.update()
            self.call_after_refresh(self._pace.end)
