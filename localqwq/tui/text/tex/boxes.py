"""Rectangles of characters, put beside and above each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

_FENCES = {
    "(": "⎛⎜⎝", ")": "⎞⎟⎠", "[": "⎡⎢⎣", "]": "⎤⎥⎦", "⌊": "⎢⎢⎣", "⌋": "⎥⎥⎦", "⌈": "⎡⎢⎢", "⌉": "⎤⎥⎥",
}  # fmt: skip
"""Top, middle and bottom of brackets with several lines."""
_BRACES = {"{": "⎧⎪⎨⎩", "}": "⎫⎪⎬⎭"}
"""Top, straight part, middle and bottom of braces."""


@dataclass(frozen=True, slots=True)
class Box:
    """Lines of equal width."""

    lines: tuple[str, ...]
    base: int = 0
    """The line on the baseline of the surrounding text."""

    @property
    def width(self) -> int:
        """Width in cells."""
        return cell_len(self.lines[0])

    @property
    def height(self) -> int:
        """Height in lines."""
        return len(self.lines)


def box(lines: Sequence[str], base: int = 0, aligned: str = "l") -> Box:
    """Return a box of lines of different widths, aligned left, right or centred."""
    width = max(map(cell_len, lines))
    return Box(tuple(placed(line, width, aligned) for line in lines), base)


def placed(line: str, width: int, aligned: str = "l") -> str:
    """Return a line padded with spaces to ``width`` cells."""
    free = max(width - cell_len(line), 0)
    before = {"r": free, "c": free // 2}.get(aligned, 0)
    return " " * before + line + " " * (free - before)


def beside(boxes: Sequence[Box]) -> Box:
    """Return boxes from left to right, with their bases on one line."""
    base = max(one.base for one in boxes)
    below = max(one.height - one.base for one in boxes)
    stretched = (_stretched(one, base, base + below) for one in boxes)
    return Box(tuple(map("".join, zip(*(one.lines for one in stretched), strict=True))), base)


def _stretched(one: Box, base: int, height: int) -> Box:
    blank = " " * one.width
    above = (blank,) * (base - one.base)
    lines = above + one.lines
    return Box(lines + (blank,) * (height - len(lines)), base)


def above(boxes: Sequence[Box], base: int, aligned: str = "c") -> Box:
    """Return boxes from top to bottom; ``base`` is the line of the base."""
    lines = [line for one in boxes for line in one.lines]
    return box(lines, base, aligned)


def fraction(numerator: Box, denominator: Box) -> Box:
    """Return one box above another, with a line between them."""
    width = max(numerator.width, denominator.width)
    return above((numerator, Box(("─" * width,)), denominator), numerator.height)


def fenced(left: str, body: Box, right: str) -> Box:
    """Return a box between brackets of its height; an empty bracket is not drawn."""
    if body.height == 2 and (left in _BRACES or right in _BRACES):
        body = Box((body.lines[0], " " * body.width, body.lines[1]), 1)
    fences = [(_fence(left, body.height), " "), (" ", _fence(right, body.height))]
    parts = [body]
    if left:
        parts = [_column(fences[0][0], body.base), Box((" ",) * body.height, body.base), *parts]
    if right:
        parts = [*parts, Box((" ",) * body.height, body.base), _column(fences[1][1], body.base)]
    return beside(parts)


def _column(signs: str, base: int) -> Box:
    return Box(tuple(signs), base)


def _fence(bracket: str, height: int) -> str:
    """Return the parts of a bracket from top to bottom."""
    if height == 1:
        return bracket
    if bracket in _BRACES:
        top, between, middle, bottom = list(_BRACES[bracket])
        before = (height - 2) // 2 if height % 2 else (height - 3) // 2
        return top + between * before + middle + between * (height - 3 - before) + bottom
    if bracket in _FENCES:
        top, between, bottom = list(_FENCES[bracket])
        return top + between * (height - 2) + bottom
    return {"|": "│", "‖": "║"}.get(bracket, bracket) * height
