"""Formulas as text: on one line, or drawn on as many as they need."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from localqwq.tui.text.tex.boxes import Box, above, beside, box, fenced, fraction, placed
from localqwq.tui.text.tex.line import (
    Line,
    equation,
    is_simple,
    limits_as_scripts,
    subscript,
    superscript,
    takes_limits,
    text_of,
)
from localqwq.tui.text.tex.nodes import (
    Blank,
    Boxed,
    Fenced,
    Fraction,
    Group,
    Kind,
    Node,
    Note,
    Row,
    Rows,
    Script,
    Sign,
)
from localqwq.tui.text.tex.parts import Part
from localqwq.tui.text.tex.reader import read
from localqwq.tui.text.tex.tokens import UnreadableError

_BETWEEN_CELLS = "  "
_BETWEEN_EQUATIONS = "    "
_BEFORE_A_TAG = "    "


def on_one_line(tex: str) -> str | None:
    """Return a formula as text; None if it is better left as written.

    The equations of an alignment have one line each.
    """
    tree = _read(tex)
    if tree is None:
        return None
    only = _only(tree)
    if isinstance(only, Rows) and only.is_alignment:
        return "\n".join(equation(only, index) for index in range(len(only.rows)))
    return text_of(tree) or None


def drawn(tex: str) -> Box | None:
    """Return a displayed formula with drawn fractions, matrices and cases.

    None if it is better left as written.
    """
    tree = _read(tex)
    return None if tree is None else _box(tree)


def boxed(tex: str) -> Box | None:
    """Return a result without its box, if the formula is only a boxed result."""
    tree = _read(tex)
    only = _only(tree) if tree is not None else None
    return _box(only.body) if isinstance(only, Boxed) else None


def _read(tex: str) -> Group | None:
    try:
        return read(tex)
    except UnreadableError:
        return None


def _only(tree: Group) -> Node | None:
    """Return the only node of a formula, if there is only one."""
    items = [item for item in tree.items if not isinstance(item, Blank)]
    if len(items) != 1:
        return None
    return _only(items[0]) if isinstance(items[0], Group) else items[0]


def _box(node: Node) -> Box:
    """Return a node in as many lines as it needs."""
    pieces = [piece for piece in Line(draw=_draw).pieces(node) if piece]
    while pieces and isinstance(pieces[0], str) and pieces[0].isspace():
        del pieces[0]
    return beside([Box((piece,)) if isinstance(piece, str) else piece for piece in pieces or [""]])


def _draw(node: Node) -> Part | None:
    """Return a drawn node, if it is better shown on several lines."""
    drawing = _drawing(node)
    if drawing is None:
        return None
    is_sign = isinstance(node, Script) and node.base is not None and takes_limits(node.base)
    return Part("", Kind.LARGE if is_sign else Kind.TALL, box=drawing)


def _drawing(node: Node) -> Box | None:
    match node:
        case Fraction(numerator, denominator):
            if is_simple(numerator) and is_simple(denominator):
                return None
            return fraction(_text(numerator), _text(denominator))
        case Rows():
            return _table(node) if len(node.rows) > 1 or node.is_alignment else None
        case Fenced(left, body, right):
            inner = _box(body)
            return fenced(left, inner, right) if inner.height > 1 else None
        case Script():
            return _script(node)
        case Note(body, over, under, True) if over or under:
            return _braced(_box(body), over, under)
        case Boxed(body):
            inner = _box(body)
            return framed(inner) if inner.height > 1 else None
    return None


def _text(group: Group) -> Box:
    return Box((text_of(group),))


def framed(inner: Box) -> Box:
    """Return a box with a frame."""
    edge = "─" * (inner.width + 2)
    inside = (f"│ {line} │" for line in inner.lines)
    return Box((f"╭{edge}╮", *inside, f"╰{edge}╯"), inner.base + 1)


def _script(node: Script) -> Box | None:
    """Return limits above and below a sign, and scripts at the corners of multi-line content."""
    base = node.base
    if base is None:
        return None
    if takes_limits(base):
        if limits_as_scripts(node) is not None:
            return None
        parts = [_tight(node.up), Box((text_of(base),)), _tight(node.down)]
        shown = [part for part in parts if part is not None]
        return above(shown, 0 if node.up is None else 1)
    inner = _box(base)
    if inner.height == 1:
        return None
    up, down = superscript(node.up), subscript(node.down)
    middle = ("",) * (inner.height - 2)
    return beside((inner, box((up, *middle, down), inner.base)))


def _tight(group: Group | None) -> Box | None:
    return None if group is None else Box((text_of(group, tight=True),))


def _braced(inner: Box, over: Group | None, under: Group | None) -> Box:
    """Return content with a brace above or below it, and a remark there."""
    width = inner.width
    half = max(width - 1, 2) // 2
    rest = max(width - half - 1, 1)
    if over is not None:
        brace = f"╭{'─' * (half - 1)}┴{'─' * (rest - 1)}╮"
        return above((_text(over), Box((brace,)), inner), 2 + inner.base)
    assert under is not None
    brace = f"╰{'─' * (half - 1)}┬{'─' * (rest - 1)}╯"
    return above((inner, Box((brace,)), _text(under)), inner.base)


# Rows


def _table(node: Rows) -> Box:
    """Return rows below each other, with brackets around them."""
    cells = [
        [_cell(row.cells, index, node) for index in range(len(row.cells))] for row in node.rows
    ]
    count = max(map(len, cells))
    blank = Box(("",))
    columns = list(zip_longest(*cells, fillvalue=blank))
    aligned = _aligned(node, columns)
    widths = [max(cell.width for cell in column) for column in columns]
    gaps = [_gap(node, index, columns) for index in range(count)]
    spaced = any(cell.height > 1 for row in cells for cell in row)
    lines: list[str] = []
    for index, row in enumerate(zip(*columns, strict=True)):
        boxes = [
            part
            for cell, width, align, gap in zip(row, widths, aligned, gaps, strict=True)
            for part in (Box((gap,)), _wide(cell, width, align))
        ]
        if spaced and index:
            lines.append("")
        if node.rows[index].ruled and lines:
            lines.append(_rule(widths, gaps))
        lines += _tagged(beside(boxes), node.rows[index])
    body = box(lines, (len(lines) - 1) // 2)
    return fenced(node.left, body, node.right) if node.left or node.right else body


def _cell(cells: Sequence[Group], index: int, node: Rows) -> Box:
    """Return a cell; only equations have multi-line fractions and matrices."""
    if not node.is_alignment:
        return _text(cells[index])
    before = any(cell.items for cell in cells[:index])
    items = cells[index].items
    # A sign at the beginning then stands between two terms.
    return _stripped(
        _box(Group((Sign("", Kind.LETTER), Blank(), *items)) if before else cells[index])
    )


def _stripped(one: Box) -> Box:
    return Box((one.lines[0].strip(),)) if one.height == 1 else one


def _wide(cell: Box, width: int, aligned: str) -> Box:
    return Box(tuple(placed(line, width, aligned) for line in cell.lines), cell.base)


def _aligned(node: Rows, columns: Sequence[Sequence[Box]]) -> list[str]:
    """Return the alignment of each column; numbers are aligned at their last digits."""
    letters = node.columns.replace("|", "") or "c"
    if node.is_alignment:
        return [letters[index % len(letters)] for index in range(len(columns))]
    found = [letters[min(index, len(letters) - 1)] for index in range(len(columns))]
    return [
        "r" if letter == "c" and all(map(_is_number, column)) else letter
        for letter, column in zip(found, columns, strict=True)
    ]


def _is_number(cell: Box) -> bool:
    return cell.lines[0].lstrip("-−+").replace(".", "").isdigit() or not cell.lines[0]


def _gap(node: Rows, index: int, columns: Sequence[Sequence[Box]]) -> str:
    """Return what precedes a column."""
    if not index:
        return ""
    if not node.is_alignment:
        return " │ " if _is_ruled(node.columns, index) else _BETWEEN_CELLS
    if (
        len(node.columns) > 1
        and not index % 2
        and not all(map(_begins_with_a_sign, columns[index]))
    ):
        return _BETWEEN_EQUATIONS
    return " " if any(cell.width for cell in columns[index - 1]) else ""


def _begins_with_a_sign(cell: Box) -> bool:
    first = cell.lines[cell.base].lstrip()[:1]
    return not first or not (first.isalnum() or first in "([{")


def _is_ruled(columns: str, index: int) -> bool:
    """Return whether a line is requested before a column."""
    seen = 0
    for letter in columns:
        if letter != "|":
            seen += 1
        elif seen == index:
            return True
    return False


def _rule(widths: Sequence[int], gaps: Sequence[str]) -> str:
    parts = (
        gap.replace(" ", "─").replace("│", "┼") + "─" * width
        for gap, width in zip(gaps, widths, strict=True)
    )
    return "".join(parts)


def _tagged(row: Box, of: Row) -> list[str]:
    lines = list(row.lines)
    if of.tag:
        lines[row.base] += _BEFORE_A_TAG + of.tag
    return lines
