"""Where a growing source is settled: later text changes nothing before the cut.

Markdown's blocks consist of lines, so a block is settled once another one has begun in a complete
line. In the last block, the items of a list, the lines of a fence, the rows of a table and the
sentences of a paragraph are settled one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from localqwq.tui.text.markdown.layout import Continuation

LONG = 300
"""Characters; a shorter last block is laid out as a whole whenever it grows."""
LINES = 150
"""The same for a fence and a table, whose lines cost more."""
PARAGRAPH = 1_500
"""The same for a paragraph, whose sentences cost less."""
LONGEST = 6_000
"""A longer paragraph is cut even if a mark may be waiting for its other half."""

_LISTS = ("bullet_list", "ordered_list")
_CLOSED = ("fence", "heading", "hr", "math_block")
"""Blocks that no later line continues, once another block has begun."""
_MARKER = re.compile(r" *(?:[-+*]|\d{1,9}[.)])")
_QUOTE = re.compile(r" {0,3}> ?")
_BREAK = re.compile(r"\r\n|\r|\n")
"""Where Markdown ends a line."""
_HIDDEN = "# x\n"
"""A block that nothing can continue."""
_SENTENCE = re.compile(r"(?<=[.!?:;,] )(?=[^\W\d_])|(?<=\n)(?=[^\W\d_])")
_MARKS = re.compile(r"`+|\*+|_+|~~|\$+|[\[\]]|\\[()\[\]]")


@dataclass(frozen=True, slots=True)
class Cut:
    """A position in a source."""

    offset: int
    """Characters of the source before it, without the stub."""
    after: Continuation
    """What is settled for the source after it."""
    provisional: bool = False
    """Whether the continuing block is laid out again as a whole when it ends."""
    lead: bool = False
    """Whether it is inside a paragraph."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source after the stub of its continuation, and its line offsets."""

    text: str
    """The text including the stub."""
    continuation: Continuation
    lines: tuple[str, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, continuation: Continuation, text: str) -> Source:
        """Return ``text`` after the stub of its continuation."""
        text = continuation.stub + text
        lines = tuple(_BREAK.split(text))
        ends = [match.end() for match in _BREAK.finditer(text)]
        return cls(text, continuation, lines, (0, *ends, len(text) + 1))

    @property
    def own(self) -> str:
        """The source without the stub."""
        return self.text[len(self.continuation.stub) :]

    @property
    def last(self) -> int:
        """The last line, which may be incomplete."""
        return len(self.lines) - 1

    def offset(self, line: int) -> int:
        """Return the offset of a line, without the stub."""
        return min(max(self.starts[line] - len(self.continuation.stub), 0), len(self.own))

    def settled(self, node: SyntaxTreeNode, before: SyntaxTreeNode) -> bool:
        """Return whether ``node`` certainly does not belong to the block before it."""
        if before.type in _CLOSED:
            return True
        line = first(node)
        if line + (node.type == "table") < self.last:
            return True
        return before.type not in _LISTS and not self.lines[line - 1].strip()


def first(node: SyntaxTreeNode) -> int:
    """Return the first line of a node."""
    return node.map[0] if node.map else 0


def end(node: SyntaxTreeNode) -> int:
    """Return the line after a node's last one."""
    return node.map[1] if node.map else 0


def cut(nodes: Sequence[SyntaxTreeNode], source: Source) -> Cut | None:
    """Return the last position where the source of ``nodes`` can be cut; None if it is not worth
    it.
    """
    return _Path(source).cut(nodes)


class _Path:
    """The containers from the top to where a source continues, as a stub reopens them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hidden = source.continuation.lines
        self._stub = ""
        self._numbers: tuple[int, ...] = ()
        self._indent = ""
        """What a line inside the containers begins with."""

    def cut(self, nodes: Sequence[SyntaxTreeNode]) -> Cut | None:
        shown = [node for node in nodes if end(node) > self._hidden]
        if not shown:
            return None
        index = len(shown) - 1
        while index and not self._source.settled(shown[index], shown[index - 1]):
            index -= 1
        if index:
            return self._at(first(shown[index]))
        return self._inside(shown[0]) if len(shown) == 1 else None

    def _at(self, line: int) -> Cut:
        gap = self._gap(line) if self._stub else ""
        after = Continuation(self._stub + gap, self._numbers)
        return Cut(self._source.offset(line), after)

    def _gap(self, line: int) -> str:
        blank = not self._source.lines[line - 1].strip(" \t>")
        return self._indent.rstrip() + "\n" if blank else ""

    def _inside(self, node: SyntaxTreeNode) -> Cut | None:
        match node.type:
            case "fence":
                return self._fence(node)
            case "table":
                return self._table(node)
            case "paragraph":
                return self._paragraph(node)
        if len(self._source.own) < LONG:
            return None
        if node.type in _LISTS:
            return self._list(node)
        if node.type == "blockquote" and self._enter_quote(node):
            return self.cut(node.children)
        return None

    # Containers

    def _list(self, node: SyntaxTreeNode) -> Cut | None:
        items = node.children
        complete = self._source.last
        last = max((i for i, item in enumerate(items) if first(item) < complete), default=0)
        number = self._number(node)
        if last and first(items[last]) > self._hidden:
            start = first(items[last])
            stub = self._opened(items[last - 1])
            if stub is None:
                return None
            gap = self._gap(start)
            numbers = (*self._numbers, number + last - 1 if number else 0)
            return Cut(
                self._source.offset(start), Continuation(self._stub + stub[0] + gap, numbers)
            )
        if last < len(items) - 1:
            return None
        opened = self._opened(items[last])
        if opened is None:
            return None
        self._stub += opened[0]
        self._indent += opened[1]
        self._numbers = (*self._numbers, number + last if number else 0)
        return self.cut(items[last].children)

    def _number(self, node: SyntaxTreeNode) -> int:
        """Return the number of a list's first item, stub or not; 0 for bullets."""
        if first(node) < self._hidden:
            return self._source.continuation.numbers[len(self._numbers)]
        if node.type != "ordered_list":
            return 0
        return int(node.attrs.get("start", 1))

    def _opened(self, item: SyntaxTreeNode) -> tuple[str, str] | None:
        """Return the line that reopens an item, and the indentation of its content."""
        line = self._source.lines[first(item)].expandtabs(4)
        marker = _MARKER.match(line, len(self._indent))
        if marker is None:
            return None
        rest = line[marker.end() :]
        spaces = len(rest) - len(rest.lstrip())
        if not 1 <= spaces <= 4 or not rest.strip():
            spaces = 1
        text = marker[0] + " " * spaces
        return f"{self._indent}{text}{_HIDDEN}", " " * len(text)

    def _enter_quote(self, node: SyntaxTreeNode) -> bool:
        mark = _QUOTE.match(self._source.lines[first(node)], len(self._indent))
        if mark is None:
            return False
        self._indent += "> "
        self._stub += self._indent + _HIDDEN
        return True

    # Leaves

    def _fence(self, node: SyntaxTreeNode) -> Cut | None:
        complete = self._source.last
        closing = self._source.lines[end(node) - 1].strip(" >")
        closed = end(node) - first(node) > 1 and not closing.strip(node.markup[0])
        if closed and len(closing) >= len(node.markup) and end(node) <= complete:
            return self._at(end(node)) if self._source.offset(end(node)) else None
        start = self._source.offset(complete)
        if start < LINES or complete <= max(first(node) + 1, self._hidden):
            return None
        opening = f"{self._indent}{self._inset(node)}{node.markup}{node.info}\n"
        return Cut(start, Continuation(self._stub + opening, self._numbers), provisional=True)

    def _inset(self, node: SyntaxTreeNode) -> str:
        """Return the spaces before a fence that are not its item's indentation."""
        line = self._source.lines[first(node)]
        inside = line[len(self._indent) :]
        own = not line[: len(self._indent)].strip(" >")
        return " " * (len(inside) - len(inside.lstrip(" "))) if own else ""

    def _table(self, node: SyntaxTreeNode) -> Cut | None:
        complete = self._source.last
        rows = [first(row) for part in node.children[1:] for row in part.children]
        settled = [row for row in rows if row < complete]
        start = self._source.offset(settled[-1]) if len(settled) > 1 else 0
        if len(self._source.own) < LINES or not start:
            return None
        skip = len(self._indent)
        head = [self._source.lines[first(node) + i][skip:].lstrip() for i in (0, 1)]
        stub = self._stub + "".join(f"{self._indent}{line}\n" for line in head)
        return Cut(start, Continuation(stub, self._numbers), provisional=True)

    def _paragraph(self, node: SyntaxTreeNode) -> Cut | None:
        start = self._source.offset(first(node))
        text = self._source.own
        if len(text) - start < PARAGRAPH:
            return None
        places = [match.start() for match in _SENTENCE.finditer(text, start, len(text) - LONG)]
        at = next((at for at in reversed(places) if _balanced(text[start:at])), 0)
        if not at and places and len(text) - start > LONGEST:
            at = places[-1]
        if at <= start:
            return None
        inner = "" if text[at - 1] == "\n" or not self._stub else self._indent
        after = Continuation(self._stub + inner, self._numbers)
        return Cut(at, after, lead=True)


def _balanced(text: str) -> bool:
    """Return whether no mark in ``text`` waits for its other half."""
    counts: dict[str, int] = {}
    for mark in _MARKS.findall(text):
        counts[mark] = counts.get(mark, 0) + 1
    pairs = (("[", "]"), ("\\(", "\\)"), ("\\[", "\\]"))
    if any(counts.get(opening, 0) != counts.get(closing, 0) for opening, closing in pairs):
        return False
    return not any(count % 2 for mark, count in counts.items() if mark[0] in "`*_~$")
