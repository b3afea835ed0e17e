"""The output of a document: paragraphs, list items, and table rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Block:
    """One or several lines that belong together."""

    text: str
    is_tight: bool = False
    """Whether it directly follows another one of its kind, like list items."""


@dataclass(slots=True)
class Table:
    """The rows of a table so far."""

    rows: list[list[str]] = field(default_factory=list)

    def block(self) -> Block | None:
        """Return the table as Markdown; None if it is empty."""
        rows = [_trimmed(row) for row in self.rows if any(row)]
        if not rows:
            return None
        width = max(map(len, rows))
        if width == 1:  # a frame around text
            return Block("\n".join(row[0] for row in rows))
        lines = [_line(row + [""] * (width - len(row))) for row in rows]
        return Block("\n".join([lines[0], _line(["---"] * width), *lines[1:]]))


def joined(blocks: Sequence[Block]) -> str:
    """Return the text of blocks with an empty line between them, except in lists."""
    found: list[str] = []
    before: Block | None = None
    for block in blocks:
        if before is not None:
            found.append("\n" if before.is_tight and block.is_tight else "\n\n")
        found.append(block.text)
        before = block
    return "".join(found)


def _trimmed(row: Sequence[str]) -> list[str]:
    """Return a row without the empty cells at its end."""
    length = max((place for place, cell in enumerate(row, 1) if cell), default=0)
    return list(row[:length])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
