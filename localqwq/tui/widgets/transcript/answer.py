"""An answer: Markdown that grows without costing more the longer it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localqwq.tui.widgets.transcript.lines import Lines

if TYPE_CHECKING:
    from localqwq.tui.text.markdown.document import Block

_STEP = 3
"""Lines by which a growing answer becomes higher."""


class AnswerText(Lines):
    """An answer, streamed or from the store."""

    DEFAULT_CSS = "AnswerText { height: auto; }"

    def __init__(self, text: str | None = None) -> None:
        """A complete answer; without `text`, one that is about to grow."""
        # Its parser takes a while to import: the first screen has no answer yet.
        from localqwq.tui.text.markdown.document import Document

        self._document = Document(text or "", complete=text is not None)
        super().__init__(self._document)
        self._grows = text is None
        self.step = _STEP if self._grows else 1

    @property
    def blocks(self) -> list[Block]:
        """Its blocks, as far as they are laid out."""
        return self._document.blocks

    def draw(self) -> None:
        """Shows what has come."""
        if self.grew:
            self.take()
            self.update()

    def end(self) -> None:
        """No more pieces come."""
        if self._grows:
            self._grows = False
            self.step = 1
            self.take()
            self._document.complete()
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
