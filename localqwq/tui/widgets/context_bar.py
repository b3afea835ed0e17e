"""A bar of what fills the context, by pattern as well as colour."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from localqwq.tui.session.context_fill import PARTS, Fill, cells

PATTERNS = {
    "system": "▚",
    "tools": "▞",
    "history": "█",
    "results": "▤",
    "thought": "▒",
    "answer": "▓",
    "draft": "╱",
    "free": "·",
}
"""The character of each part's cells."""
STYLES = {
    "system": "$secondary",
    "tools": "$secondary",
    "history": "$primary",
    "results": "$accent",
    "thought": "$text-muted",
    "answer": "$accent",
    "draft": "$warning",
    "free": "$text-muted",
}
_SHORT, _LONG = 10, 24
"""Cells of the bar in the status line, and of the one with a legend."""


class ContextBar(Static, can_focus=False):
    """The bar in the status line, with the sum beside it; a click opens details."""

    class Asked(Message):
        """Details were requested."""

    def __init__(self) -> None:
        super().__init__()
        self.fill = Fill()
        self.total: int | None = None
        """Tokens that fit; None if unknown."""
        self._shown: tuple[Fill, int | None, bool] | None = None
        self._width = 0

    def show(self, fill: Fill, total: int | None) -> None:
        """Draw the bar, if anything changed."""
        narrow = self.app.size.width < 60
        if (fill, total, narrow) != self._shown:
            self._shown = fill, total, narrow
            self.fill, self.total = fill, total
            self.tooltip = legend(fill, total).plain if total else None
            content = compact(fill, total, _SHORT if not narrow else 0)
            self.update(content, layout=content.cell_length != self._width)
            self._width = content.cell_length

    def on_click(self, event: events.Click) -> None:
        """Request details."""
        event.stop()
        self.post_message(self.Asked())


class Legend(Horizontal):
    """A longer bar with labelled parts, for wide and tall terminals; a click opens details."""

    class Asked(Message):
        """Details were requested."""

    def on_click(self, event: events.Click) -> None:
        """Request details."""
        event.stop()
        self.post_message(self.Asked())

    def compose(self) -> ComposeResult:
        """Show one line."""
        yield Static(id="legend")

    def show(self, fill: Fill, total: int | None) -> None:
        """Draw it; empty if the total is unknown."""
        content = Content("")
        if total:
            content = Content.assemble(bar(fill, total, _LONG), "  ", legend(fill, total))
        self.query_one("#legend", Static).update(content, layout=False)


def bar(fill: Fill, total: int, width: int) -> Content:
    """Return the bar alone."""
    parts = cells(tuple(fill.part(name) for name in PARTS), total, width)
    runs = [(PATTERNS[name] * size, STYLES[name]) for name, size in zip(PARTS, parts, strict=True)]
    free = (PATTERNS["free"] * (width - sum(parts)), STYLES["free"])
    return Content.assemble("▕", *runs, free, "▏")


def compact(fill: Fill, total: int | None, width: int) -> Content:
    """Return the bar and the sum; without a total only the sum."""
    if not total:
        return Content(f"{fill.used:,} tokens" if fill.used else "")
    used = min(fill.used, total) if not fill.draft else fill.used
    about = "" if fill.is_exact else "~"
    numbers = f"{about}{used:,} / {total:,}"
    return Content.assemble(bar(fill, total, width), " ", numbers) if width else Content(numbers)


def legend(fill: Fill, total: int | None) -> Content:
    """Return the patterns' labels, with their tokens; empty parts are left out."""
    entries = [(name, fill.part(name)) for name in PARTS if fill.part(name)]
    if total:
        entries.append(("free", max(0, total - fill.used)))
    pieces: list[str | tuple[str, str]] = []
    for name, tokens in entries:
        pieces += [("  " if pieces else ""), (PATTERNS[name], STYLES[name]), f" {name} {tokens:,}"]
    return Content.assemble(*pieces)
