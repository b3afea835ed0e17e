"""Tables whose columns keep their positions while rows arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from markdown_it.tree import SyntaxTreeNode
from textual.content import Content, Span

from localqwq.tui.text.copied import Mark, marked, written
from localqwq.tui.text.markdown.inline import inline

_NARROWEST = 4
"""Cells; a column is not made narrower than this for the others."""
_LINES = "$foreground 30%"
_BAR = " │ "


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row."""

    cells: tuple[Content, ...]
    line: int
    """Its line in the source."""
    source: str
    """Its source."""


@dataclass(frozen=True, slots=True)
class Table:
    """The header and the rows of a table."""

    header: Row
    rows: tuple[Row, ...]
    rule: str
    """The line below the header, as written."""
    aligned: tuple[str, ...]
    """``left``, ``center`` or ``right`` for each column."""

    def natural(self) -> tuple[int, ...]:
        """Return the preferred width of each column in cells."""
        cells = zip(*(row.cells for row in (self.header, *self.rows)), strict=True)
        return tuple(max(map(_natural, column)) for column in cells)


def _natural(cell: Content) -> int:
    if "\n" not in cell.plain:
        return cell.cell_length
    return max(part.cell_length for part in cell.split("\n", allow_blank=True))


def read(node: SyntaxTreeNode, lines: Sequence[str]) -> Table:
    """Return the table of a ``table`` node; ``lines`` are those of its source."""
    rows = [row for part in node.children for row in part.children]
    header, *others = (_row_of(row, lines) for row in rows)
    aligned = tuple(
        str(cell.attrs.get("style", "text-align:left")).rpartition(":")[2]
        for cell in rows[0].children
    )
    return Table(header, tuple(others), _as_written(lines, header.line + 1), aligned)


def _row_of(row: SyntaxTreeNode, lines: Sequence[str]) -> Row:
    line = row.map[0] if row.map else 0
    return Row(tuple(map(_cell, row.children)), line, _as_written(lines, line))


def _as_written(lines: Sequence[str], line: int) -> str:
    """Return a source line without the containers around it."""
    return lines[line].strip(" \t>") if line < len(lines) else ""


def _cell(cell: SyntaxTreeNode) -> Content:
    return inline(child for part in cell.children for child in part.children)


def widths(natural: Sequence[int], width: int) -> tuple[int, ...]:
    """Return the width of each column; the widest shrink until all fit ``width`` cells."""
    room = max(width - 3 * len(natural) + 1, len(natural))
    shares = list(natural)
    while (excess := sum(shares) - room) > 0:
        widest = max(shares)
        if widest <= _NARROWEST:
            break
        second = max((share for share in shares if share < widest), default=0)
        wide = [index for index, share in enumerate(shares) if share == widest]
        step = min(widest - max(second, _NARROWEST), -(-excess // len(wide)))
        for index in wide:
            shares[index] -= max(min(step, excess), 1)
            excess -= max(min(step, excess), 1)
            if excess <= 0:
                break
    return tuple(max(share, 1) for share in shares)


def header_lines(table: Table, columns: Sequence[int]) -> list[Content]:
    """Return the header and the line below it."""
    bold = tuple(cell.stylize("bold") for cell in table.header.cells)
    rule = "─┼─".join("─" * width for width in columns)
    lines = written(_row(bold, columns, table.aligned), table.header.source)
    return [*lines, marked(Content.styled(f" {rule} ", _LINES), Mark(table.rule))]


def row_lines(row: Row, table: Table, columns: Sequence[int]) -> list[Content]:
    """Return the lines of a row of the table."""
    return written(_row(row.cells, columns, table.aligned), row.source)


def between(columns: Sequence[int]) -> Content:
    """Return a line between rows, for rows with several lines."""
    rule = " ┼ ".join("┈" * width for width in columns)
    return Content.styled(f" {rule} ", _LINES)


def _row(cells: Sequence[Content], columns: Sequence[int], aligned: Sequence[str]) -> list[Content]:
    blank = Content("")
    wrapped = [
        [cell] if cell.cell_length <= width and "\n" not in cell.plain else cell.wrap(width)
        for cell, width in zip(cells, columns, strict=True)
    ]
    return [_line(parts, columns, aligned) for parts in zip_longest(*wrapped, fillvalue=blank)]


def _line(parts: Sequence[Content], columns: Sequence[int], aligned: Sequence[str]) -> Content:
    """Return one line of a row; built by hand for speed, since tables have many."""
    text, spans = "", list[Span]()
    for part, width, side in zip(parts, columns, aligned, strict=True):
        if text:
            spans.append(Span(len(text), len(text) + len(_BAR), _LINES))
        text += _BAR if text else " "
        free = max(width - part.cell_length, 0)
        before = {"right": free, "center": free // 2}.get(side, 0)
        start = len(text) + before
        spans += [Span(start + first, start + last, style) for first, last, style in part.spans]
        text += " " * before + part.plain + " " * (free - before)
    return Content(text, spans)
