"""Markdown blocks as lines of a given width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.tree import SyntaxTreeNode
from textual.content import Content

from localqwq.tui.text.copied import Mark, marked, wrapped, written
from localqwq.tui.text.markdown import tables
from localqwq.tui.text.markdown.code import code_lines, header
from localqwq.tui.text.markdown.html import html_lines
from localqwq.tui.text.markdown.inline import MARK, inline, note_mark
from localqwq.tui.text.markdown.tables import Table
from localqwq.tui.text.tex.boxes import Box
from localqwq.tui.text.tex.display import boxed, drawn, framed, on_one_line

BULLETS = "•◦▪"
HEADINGS = {"h1": "bold underline", "h2": "bold underline", "h3": "bold"}
QUOTE = Content.styled("▌ ", "$foreground 30%")
RULE = "$foreground 30%"
_NUMBER = 3
"""Cells for a number and its point, so that the ninth item aligns with the tenth."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """What earlier lines have settled for a source; empty at the beginning.

    A source that continues in the middle of a list is parsed after a ``stub`` of that list, which
    is not shown. So it gets into the same containers as it would without the cut.
    """

    stub: str = ""
    """Source that reopens the containers; its lines are not shown."""
    numbers: tuple[int, ...] = ()
    """Numbers of the items that the stub opens, outermost first; 0 for bullets."""
    lead: Content | None = None
    """The unfinished line of a continuing paragraph."""
    natural: tuple[int, ...] = ()
    """Preferred widths of the continuing table's columns, as far as known."""
    tall: bool = False
    """Whether the last row of that table has several lines."""

    @property
    def lines(self) -> int:
        """The number of stub lines in a parsed source."""
        return self.stub.count("\n")


@dataclass(slots=True)
class Layout:
    """Lays out the nodes of one source."""

    source: Sequence[str]
    """Its lines, including the stub's."""
    continuation: Continuation = field(default_factory=Continuation)
    natural: tuple[int, ...] = ()
    """Preferred widths of the last table's columns, over all rows so far."""
    tall: bool = False
    """Whether the last row of that table has several lines."""
    widened: bool = False
    """Whether the rows before the source would look different now."""
    code: tuple[str, str] | None = None
    """The last code, and its language."""
    last: Content | None = None
    """The last line of the last paragraph, without its indentation."""
    _numbers: list[int] = field(default_factory=list)
    _lead: Content | None = None

    def __post_init__(self) -> None:
        self._numbers = list(self.continuation.numbers)
        self._lead = self.continuation.lead

    def blocks(self, nodes: Sequence[SyntaxTreeNode], width: int, level: int = 0) -> list[Content]:
        """Return the lines of consecutive blocks in a container."""
        lines: list[Content] = []
        for index, node in enumerate(nodes):
            gap = index > 0 and self._gap(node) and self._lead is None
            block = self.block(node, width, level)
            if block and gap:
                lines.append(Content(""))
            lines += block
        return lines

    def block(self, node: SyntaxTreeNode, width: int, level: int = 0) -> list[Content]:
        """Return the lines of one block; none for the stub."""
        width = max(width, 4)
        match node.type:
            case "bullet_list" | "ordered_list":
                return self._list(node, width, level)
            case "blockquote":
                inner = self.blocks(node.children, width - QUOTE.cell_length, level)
                return [QUOTE + line.stylize_before("$foreground 60%") for line in inner]
            case "fence":
                return self._fence(node, width)
            case "table":
                return self._table(node, width)
        if self._is_stub(node):
            return []
        match node.type:
            case "paragraph" | "heading":
                return self._paragraph(node, width)
            case "math_block":
                return _formula(node, width)
            case "footnote_reference":
                return self._note(node, width)
            case "html_block":
                return html_lines(node.content, width)
            case "code_block":
                return code_lines(node.content.removesuffix("\n"), "", width)
            case "hr":
                return [Content.styled("─" * width, RULE)]
        return wrapped(Content(node.content.rstrip("\n")), width)

    def _note(self, node: SyntaxTreeNode, width: int) -> list[Content]:
        """Return a footnote, where it is written."""
        mark = Content.styled(f"{note_mark(node)} ", MARK)
        room = width - mark.cell_length
        first, *rest = self.blocks(node.children, room) or [Content("")]
        indent = Content(" " * mark.cell_length)
        return [mark + first, *(indent + line for line in rest)]

    def _is_stub(self, node: SyntaxTreeNode) -> bool:
        return node.map is not None and node.map[0] < self.continuation.lines

    def _gap(self, node: SyntaxTreeNode) -> bool:
        """Return whether the author left an empty line before a block."""
        line = node.map[0] if node.map else 0
        return line > 0 and not self.source[line - 1].strip(" \t>")

    def _paragraph(self, node: SyntaxTreeNode, width: int) -> list[Content]:
        text = inline(child for part in node.children for child in part.children)
        if node.type == "heading":
            text = text.stylize(HEADINGS.get(node.tag, "bold italic"))
        if self._lead is not None:
            text, self._lead = self._lead + text, None
        lines = wrapped(text, width)
        self.last = lines[-1]
        return lines

    def _list(self, node: SyntaxTreeNode, width: int, level: int) -> list[Content]:
        number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else 0
        if self._is_stub(node):
            number = self._numbers.pop(0)
        lines: list[Content] = []
        for index, item in enumerate(node.children):
            gap = index > 0 and self._gap(item)
            block = self._item(item, number + index if number else 0, width, level)
            if block and gap:
                lines.append(Content(""))
            lines += block
        return lines

    def _item(self, item: SyntaxTreeNode, number: int, width: int, level: int) -> list[Content]:
        ordered = item.parent is not None and item.parent.type == "ordered_list"
        bullet = item.attrs.get("box", BULLETS[min(level, 2)])
        text = f"{number}.".rjust(_NUMBER) if ordered else f" {bullet}"
        marker = Content.styled(f"{text} ", "$text-primary")
        indent = Content(" " * marker.cell_length)
        inner = self.blocks(item.children, width - marker.cell_length, level + 1)
        if self._is_stub(item):
            return [indent + line for line in inner]
        first, *rest = inner or [Content("")]
        return [marker + first, *(indent + line for line in rest)]

    def _fence(self, node: SyntaxTreeNode, width: int) -> list[Content]:
        language = node.info.split()[0] if node.info.strip() else ""
        code = node.content
        self.code = code, language
        lines = code_lines(code.removesuffix("\n"), language, width) if code else []
        if language and not self._is_stub(node):
            lines.insert(0, header(language, width))
        return lines

    def _table(self, node: SyntaxTreeNode, width: int) -> list[Content]:
        table = tables.read(node, self.source)
        natural, before = table.natural(), self.continuation.natural
        self.natural = tuple(map(max, natural, before or natural))
        columns = tables.widths(self.natural, width)
        if not self._is_stub(node):
            return tables.header_lines(table, columns) + self._rows(table, columns, stub=False)
        self.widened = columns != tables.widths(before, width)
        return self._rows(table, columns, stub=True)

    def _rows(self, table: Table, columns: Sequence[int], *, stub: bool) -> list[Content]:
        """Return rows; those with several lines have rules between them and others."""
        lines: list[Content] = []
        tall = stub and self.continuation.tall
        for index, row in enumerate(table.rows):
            block = tables.row_lines(row, table, columns)
            if (tall or len(block) > 1) and (index or stub):
                lines.append(marked(tables.between(columns), Mark("")))
            lines += block
            tall = len(block) > 1
        self.tall = tall
        return lines


_INDENT = "    "
"""Indentation of a formula with lines of its own."""


def _formula(node: SyntaxTreeNode, width: int) -> list[Content]:
    """Return a formula on lines of its own; a lone boxed answer is framed."""
    if not node.content:
        return wrapped(Content(node.markup), width)
    room = width - len(_INDENT) - len(node.info)
    result = boxed(node.content)
    if result is not None and result.width + 4 <= room:
        lines = _placed(framed(result), node.info, "bold")
    elif (drawing := drawn(node.content)) is not None and drawing.width <= room:
        lines = _placed(drawing, node.info)
    elif (shown := on_one_line(node.content)) is not None:
        text = Content(f"{shown}{node.info}")
        lines = [Content(_INDENT) + line for line in text.wrap(max(width - len(_INDENT), 4))]
    else:
        return wrapped(Content(node.markup), width)
    return written(lines, f"{node.markup}{node.info}", atomic=True)


def _placed(drawing: Box, after: str, style: str = "") -> list[Content]:
    """Return a drawn formula, followed by text after its middle line."""
    lines = [Content.styled(_INDENT + line, style) for line in drawing.lines]
    if after:
        base = Content.styled(_INDENT + drawing.lines[drawing.base], style)
        lines[drawing.base] = base + Content(after)
    return lines
