"""A Markdown document that grows, and costs the same per token however long it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from markdown_it.tree import SyntaxTreeNode
from textual.content import Content

from localqwq.tui.text.markdown.code import ends_clear
from localqwq.tui.text.markdown.cuts import Cut, Source, cut, end, first
from localqwq.tui.text.markdown.layout import Continuation, Layout
from localqwq.tui.text.markdown.parser import parse
from localqwq.visible import visible

SHORT = 16_000
"""Characters; a block that came in pieces is laid out once more as a whole if it is so short."""
UNCLEAR = 2_000
"""Characters of code that wait for the end of a string or a comment before they are settled."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list, a table or another block: where it is shown and where it is from."""

    kind: str
    """The type of its node: ``paragraph``, ``bullet_list``, ``fence`` …"""
    start: int
    end: int
    """Offsets in the source."""
    first: int
    last: int
    """Its lines, the last one not included."""


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a document is settled."""

    offset: int = 0
    lines: int = 0
    blocks: tuple[Block, ...] = ()
    after: Continuation = field(default_factory=Continuation)


class Document:
    """The lines of a source at a width; what is settled of them is not made again.

    `lines` and `blocks` are up to date after `draw`.
    """

    def __init__(self, source: str = "", complete: bool = False) -> None:
        """A `source` that is `complete`, or the beginning of one that grows."""
        self.source = source
        self.lines: list[Content] = []
        self.blocks: list[Block] = []
        self._complete = complete
        self._width = 0
        self._drawn = (0, 0, False)
        self._place = _Place()
        self._again: _Place | None = None
        """Where the block begins that is laid out in pieces."""
        self._clear = True
        """Whether each piece of it surely looks as it does in the whole."""
        self._linked = False

    @property
    def settled(self) -> int:
        """How many lines change no more, unless the block that they belong to does."""
        return self._place.lines

    def append(self, text: str) -> None:
        """Adds to the source."""
        self.source += text

    def complete(self) -> None:
        """Nothing is added any more; the lines are those of the source as a whole."""
        self._complete = True
        if self._linked:  # A target at the end gives a link to text at the beginning.
            self._go(_Place())
        elif self._again is not None and self._looks_otherwise():
            self._go(self._again)

    def draw(self, width: int) -> None:
        """Lays out what has come since the last time, or everything at another width."""
        state = width, len(self.source), self._complete
        if state == self._drawn:
            return
        self._drawn = state
        if width != self._width:
            self._width = width
            self._go(_Place())
        before = self.lines[self._place.lines :]
        begin = self._place.lines
        self._go(self._place, self._again)
        while True:
            source = Source.of(self._place.after, self._rest())
            nodes, linked = parse(source.text)
            self._linked = self._linked or linked
            found = None if self._complete else cut(nodes, source)
            if found is not None and not found.provisional:
                if self._again is not None and self._looks_otherwise():
                    self._go(self._again)
                else:
                    self._again = None
                    self._settle(found)
                continue
            layout = Layout(source.lines, self._place.after)
            laid = [layout.block(node, width) for node in nodes]
            if layout.widened and self._again is not None:
                self._go(self._again)
            elif found is None or not self._settle(found, layout.natural):
                break
        self._show(nodes, laid, source)
        # Whoever keeps something for a line finds it again if that looks as before.
        for index, line in enumerate(before, begin):
            if index < len(self.lines) and line.is_same(self.lines[index]):
                self.lines[index] = line

    def _rest(self) -> str:
        """What is not settled of the source."""
        return visible(self.source[self._place.offset :])

    def _go(self, place: _Place, again: _Place | None = None) -> None:
        """Goes back to what was settled at `place`."""
        self._place, self._again = place, again
        del self.lines[place.lines :]
        self.blocks = list(place.blocks)

    def _looks_otherwise(self) -> bool:
        """Whether the block that was laid out in pieces may look otherwise as a whole.

        Colours of code depend on all of it before them. Where each piece began outside of strings
        and comments they are right, and where the block is short nobody waits for another look.
        """
        begin = self._again.offset if self._again is not None else 0
        return not self._clear or self._place.offset - begin < SHORT

    def _settle(self, found: Cut, natural: tuple[int, ...] = ()) -> bool:
        """Shows what is before the cut for good; whether it is a good place for that."""
        before = self._place.after
        if found.provisional:
            before = replace(before, natural=natural)
        source = Source.of(before, self._rest()[: found.offset])
        nodes, _ = parse(source.text)
        layout = Layout(source.lines, before)
        laid = [layout.block(node, self._width) for node in nodes]
        if found.provisional:
            clear = layout.code is not None and ends_clear(*layout.code)
            if layout.code is not None and not clear and len(source.own) < UNCLEAR:
                return False
            self._clear = clear and (self._again is None or self._clear)
            self._again = self._again or self._place
        self._show(nodes, laid, source)
        after = found.after
        if found.provisional:
            after = replace(after, natural=natural, tall=layout.tall)
        if found.lead:
            after = replace(after, lead=self._lead(layout, source.own))
        offset = self._place.offset + found.offset
        self._place = _Place(offset, len(self.lines), tuple(self.blocks), after)
        return True

    def _lead(self, layout: Layout, text: str) -> Content:
        """The last line of a paragraph that goes on, which is not settled yet."""
        if text.endswith("\n") or layout.last is None:
            return Content("")
        self.lines.pop()
        return layout.last + " "

    def _last_kind(self) -> str:
        return self.blocks[-1].kind if self.blocks else ""

    def _show(
        self, nodes: Sequence[SyntaxTreeNode], laid: Sequence[list[Content]], source: Source
    ) -> None:
        after = self._place.after
        goes_on = bool(after.stub) or after.lead is not None
        for node, lines in zip(nodes, laid, strict=True):
            start = self._place.offset + source.offset(first(node))
            stop = self._place.offset + source.offset(end(node))
            if goes_on:
                self.lines += lines
                last = self.blocks[-1]
                self.blocks[-1] = replace(last, end=stop, last=len(self.lines))
                goes_on = False
            elif lines:
                notes = node.type == "footnote_reference" == self._last_kind()
                if self.lines and not notes:
                    self.lines.append(Content(""))
                begin = len(self.lines)
                self.lines += lines
                self.blocks.append(Block(node.type, start, stop, begin, len(self.lines)))
