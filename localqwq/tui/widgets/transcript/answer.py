"""An answer: Markdown that grows at constant cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localqwq.tui.widgets.transcript.lines import Lines

if TYPE_CHECKING:
    from localqwq.tui.text.markdown.document import Block

_STEP = 3
"""Number of lines by which a growing answer becomes higher."""


class AnswerText(Lines):
    """An answer, streamed or from the store."""

    DEFAULT_CSS = "AnswerText { height: auto; }"

    def __init__(self, text: str | None = None) -> None:
        """Set up a complete answer, or without ``text`` one that is about to grow."""
        # Importing its parser takes a while: the first screen has no answer yet.
        from localqwq.tui.text.markdown.document import Document

        self._document = Document(text or "", complete=text is not None)
        super().__init__(self._document)
        self._grows = text is None
        self.step = _STEP if self._grows else 1

    def begin_again(self) -> None:
        """Be empty, about to grow: what was said belongs to an earlier part of the turn."""
        from localqwq.tui.text.markdown.document import Document

        self._document = Document("", complete=False)
        self.restart(self._document)

    @property
    def blocks(self) -> list[Block]:
        """Its blocks, as far as they are laid out."""
        return self._document.blocks

    def draw(self) -> None:
        """Show what has arrived."""
        if self.grew:
            self.take()
            self.update()

    def end(self) -> None:
        """Note that nothing more comes."""
        if self._grows:
            self._grows = False
            self.step = 1
            self.take()
            self._document.complete()
            self.update()

    def block_source(self, block: Block) -> str:
        """Return the source of a block; for a fence, of its content."""
        text = self._document.source[block.start : block.end].strip("\n")
        if block.kind != "fence":
            return text
        first, *lines = text.split("\n")
        closed = bool(lines) and set(lines[-1].strip()) <= set("`~")
        del first
        return "\n".join(lines[:-1] if closed else lines)
