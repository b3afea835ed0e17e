"""A growing Markdown document at constant cost per token."""

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
"""Characters; a shorter block that arrived in pieces is laid out again as a whole."""
UNCLEAR = 2_000
"""Maximum characters of code that wait for the end of a string or comment before they are
settled.
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a list, a table or another block: where it is shown and where it comes from."""

    kind: str
    """The type of its node: ``paragraph``, ``bullet_list``, ``fence`` …"""
    start: int
    end: int
    """Offsets in the source."""
    first: int
    last: int
    """Its lines, excluding the last one."""


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a document is settled."""

    offset: int = 0
    lines: int = 0
    blocks: tuple[Block, ...] = ()
    after: Continuation = field(default_factory=Continuation)


class Document:
    """The lines of a source at a width; settled ones are not made again.

    ``lines`` and ``blocks`` are up to date after ``draw``.
    """

    def __init__(self, source: str = "", complete: bool = False) -> None:
        """Set up from a complete ``source``, or the beginning of a growing one."""
        self.source = source
        self.lines: list[Content] = []
        self.blocks: list[Block] = []
        self._complete = complete
        self._width = 0
        self._drawn = (0, 0, False)
        self._place = _Place()
        self._again: _Place | None = None
        """Where the block that is laid out in pieces begins."""
        self._clear = True
        """Whether each piece of it certainly looks as it does in the whole."""
        self._linked = False

    @property
    def settled(self) -> int:
        """The number of lines that will not change, unless the block they belong to does."""
        return self._place.lines

    def append(self, text: str) -> None:
        """Append to the source."""
        self.source += text

    def complete(self) -> None:
        """Lay out the source as a whole, as nothing follows."""
        self._complete = True
        if self._linked:  # A target at the end turns earlier text into a link.
            self._go(_Place())
        elif self._again is not None and self._looks_otherwise():
            self._go(self._again)

    def draw(self, width: int) -> None:
        """Lay out what was added, or everything at a new width."""
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
        # Cached data for a line stays valid if the line looks as before.
        for index, line in enumerate(before, begin):
            if index < len(self.lines) and line.is_same(self.lines[index]):
                self.lines[index] = line

    def _rest(self) -> str:
        """Return the unsettled part of the source."""
        return visible(self.source[self._place.offset :])

    def _go(self, place: _Place, again: _Place | None = None) -> None:
        """Return to what was settled at ``place``."""
        self._place, self._again = place, again
        del self.lines[place.lines :]
        self.blocks = list(place.blocks)

    def _looks_otherwise(self) -> bool:
        """Return whether the block laid out in pieces may look different as a whole.

        Colours of code depend on all of it before them. They are right if each piece began outside
        strings and comments, and a short block can be laid out again.
        """
        begin = self._again.offset if self._again is not None else 0
        return not self._clear or self._place.offset - begin < SHORT

    def _settle(self, found: Cut, natural: tuple[int, ...] = ()) -> bool:
        """Settle everything before the cut; return whether it is a good place for that."""
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
        """Return the last line of a continuing paragraph, which is not settled yet."""
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
