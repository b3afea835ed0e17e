"""Conversations and search results as lines of a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from localqwq.conversations.query import pieces
from localqwq.conversations.reading import Summary
from localqwq.conversations.search import Hit
from localqwq.visible import one_line

PIN = "★"
WHEN_WIDTH = 12
MODEL_WIDTHS = ((100, 24), (64, 16), (0, 0))
"""Width of the model column, by the minimum width of the list."""
FOUND = "bold underline $primary"
"""Underlined too, so that it is visible without colours."""
QUIET = "$foreground 60%"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list, and what it stands for."""

    conversation: int
    title: str
    updated: float
    pinned: bool = False
    model: str = ""
    turn: int | None = None
    """The turn where words were found; None on the line of the conversation itself."""
    place: str = ""
    snippet: str = ""

    def draw(self, width: int, now: datetime, state: str = "") -> Content:
        """Return the line, ``width`` cells wide; ``state`` replaces the time."""
        if self.turn is not None:
            return Content.assemble((f"    {self.place:>7}  ", QUIET), _marked(self.snippet))
        when = state or moment(self.updated, now)
        columns = next(columns for least, columns in MODEL_WIDTHS if width >= least)
        columns = columns if self.model else 0
        model = "  " + set_cell_size(_cut(self.model, columns - 2), columns - 2) if columns else ""
        room = width - WHEN_WIDTH - columns - 2
        title = _marked(self.snippet)
        if not self.snippet or title.cell_length > room:
            title = Content(_cut(one_line(self.title) or "(no title)", room))
        return Content.assemble(
            (f"{PIN if self.pinned else ' '} ", "$accent"),
            title,
            " " * (room - title.cell_length),
            (model, QUIET),
            (f"{when:>{WHEN_WIDTH}}", QUIET),
        )


def summary_rows(summaries: Iterable[Summary]) -> list[Row]:
    """Return a line for each conversation."""
    return [
        Row(summary.id, summary.title, summary.updated, summary.pinned, summary.model)
        for summary in summaries
    ]


def hit_rows(hits: Iterable[Hit]) -> list[Row]:
    """Return the hits below a line for each conversation, in the order of its first hit."""
    groups: dict[int, list[Row]] = {}
    for hit in hits:
        head = Row(hit.conversation, hit.title, hit.updated)
        group = groups.setdefault(hit.conversation, [head])
        if hit.turn is None:
            group[0] = Row(hit.conversation, hit.title, hit.updated, snippet=hit.snippet)
        else:
            group.append(
                Row(
                    hit.conversation,
                    hit.title,
                    hit.updated,
                    turn=hit.turn,
                    place=hit.place,
                    snippet=hit.snippet,
                )
            )
    return [row for group in groups.values() for row in group]


def moment(updated: float, now: datetime) -> str:
    """Return a time as short as possible: the time, the day of the week, or the date."""
    then = datetime.fromtimestamp(updated)
    days = (now.date() - then.date()).days
    if days == 0:
        return f"{then:%H:%M}"
    if 0 < days < 7:
        return f"{then:%a %H:%M}"
    return f"{then.day} {then:%b}" if then.year == now.year else f"{then:%Y-%m-%d}"


def _marked(snippet: str) -> Content:
    return Content.assemble(
        *((one_line(text), FOUND if found else "") for text, found in pieces(snippet))
    )


def _cut(text: str, width: int) -> str:
    """Return the text cut to at most ``width`` cells."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…"
