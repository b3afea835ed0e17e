"""How full the context is: a bar of what fills it, by pattern and not by colour alone."""

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
    "history": "█",
    "thought": "▒",
    "answer": "▓",
    "draft": "╱",
    "free": "·",
}
"""The character of each part's cells."""
STYLES = {
    "system": "$secondary",
    "history": "$primary",
    "thought": "$text-muted",
    "answer": "$accent",
    "draft": "$warning",
    "free": "$text-muted",
}
_SHORT, _LONG = 10, 24
"""Cells of the bar in the status line, and of the one with a legend."""


class ContextBar(Static, can_focus=False):
    """The bar in the status line, with the sum beside it; a click tells more."""

    class Asked(Message):
        """A person wants to know more."""

    def __init__(self) -> None:
        super().__init__()
        self.fill = Fill()
        self.total: int | None = None
        """Tokens that fit; None where that is not known."""
        self._shown: tuple[Fill, int | None, bool] | None = None
        self._width = 0

    def show(self, fill: Fill, total: int | None) -> None:
        """Draws the bar, if anything changed."""
        narrow = self.app.size.width < 60
        if (fill, total, narrow) != self._shown:
            self._shown = fill, total, narrow
            self.fill, self.total = fill, total
            self.tooltip = legend(fill, total).plain if total else None
            content = compact(fill, total, _SHORT if not narrow else 0)
            self.update(content, layout=content.cell_length != self._width)
            self._width = content.cell_length

    def on_click(self, event: events.Click) -> None:
        """Tells more."""
        event.stop()
        self.post_message(self.Asked())


class Legend(Horizontal):
    """The longer bar with what its parts are, for wide and tall terminals; a click tells more."""

    class Asked(Message):
        """A person wants to know more."""

    def on_click(self, event: events.Click) -> None:
        """Tells more."""
        event.stop()
        self.post_message(self.Asked())

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static(id="legend")

    def show(self, fill: Fill, total: int | None) -> None:
        """Draws it; empty where the total is not known."""
        content = Content("")
        if total:
            content = Content.assemble(bar(fill, total, _LONG), "  ", legend(fill, total))
        self.query_one("#legend", Static).update(content, layout=False)


def bar(fill: Fill, total: int, width: int) -> Content:
    """The bar alone."""
    parts = cells(tuple(fill.part(name) for name in PARTS), total, width)
    runs = [(PATTERNS[name] * size, STYLES[name]) for name, size in zip(PARTS, parts, strict=True)]
    free = (PATTERNS["free"] * (width - sum(parts)), STYLES["free"])
    return Content.assemble("▕", *runs, free, "▏")


def compact(fill: Fill, total: int | None, width: int) -> Content:
    """The bar and the sum; without a total only the sum."""
    if not total:
        return Content(f"{fill.used:,} tokens" if fill.used else "")
    used = min(fill.used, total) if not fill.draft else fill.used
    about = "" if fill.is_exact else "~"
    numbers = f"{about}{used:,} / {total:,}"
    return Content.assemble(bar(fill, total, width), " ", numbers) if width else Content(numbers)


def legend(fill: Fill, total: int | None) -> Content:
    """What the patterns are, with their tokens; parts without any are left out."""
    entries = [(name, fill.part(name)) for name in PARTS if fill.part(name)]
    if total:
        entries.append(("free", max(0, total - fill.used)))
    pieces: list[str | tuple[str, str]] = []
    for name, tokens in entries:
        pieces += [("  " if pieces else ""), (PATTERNS[name], STYLES[name]), f" {name} {tokens:,}"]
    return Content.assemble(*pieces)
