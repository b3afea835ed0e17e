"""The line under a turn: its actions, and which of its branches it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import Static

Action = Literal[
    "regenerate", "edit", "edit_thought", "continue", "remove",
    "copy", "copy_answer", "copy_thought", "quote", "older", "newer",
]  # fmt: skip
"""An action on a turn."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and its action."""

    action: Action
    key: str
    label: str


COPY = Hint("copy", "c", "copy")
QUOTE = Hint("quote", "q", "quote")
EDIT = Hint("edit", "e", "edit")
REMOVE = Hint("remove", "del", "remove")
AGAIN = Hint("regenerate", "r", "again")
OF_PROMPTS = (COPY, EDIT, AGAIN, QUOTE, REMOVE)
OF_ANSWERS = (
    COPY,
    Hint("copy_answer", "a", "copy all"),
    Hint("copy_thought", "t", "thought"),
    AGAIN,
    EDIT,
    Hint("continue", "o", "go on"),
    QUOTE,
    Hint("edit_thought", "h", "edit thought"),
    REMOVE,
)
"""Both in order of importance: on a narrow terminal the last ones are behind ``MORE``."""
GAP = " · "
MORE = Content.assemble(("m", "bold"), " more")


class Foot(Static):
    """A line that is muted until its turn is selected."""

    DEFAULT_CSS = """
    Foot {
        height: 1;
        width: 1fr;
        padding: 0 2;
        color: $text-muted;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        link-style: none;
        link-color: $text-muted;
        link-background-hover: $surface;
        link-color-hover: $foreground;
        link-style-hover: bold;
    }
    """

    @dataclass
    class Pressed(Message):
        """A label was clicked."""

        action: Action

    def __init__(self, hints: Sequence[Hint]) -> None:
        super().__init__()
        self._hints = hints
        self._branch = (1, 1)
        self._selected = False
        self._page = 0

    def show(self, *, selected: bool) -> None:
        """Show the actions while the turn is selected."""
        if selected != self._selected:
            self._page = 0
        self._selected = selected
        self._draw()

    def action_more(self) -> None:
        """Show the remaining actions, if there is no room for all."""
        self._page += 1
        self._draw()

    def branch(self, number: int, total: int) -> None:
        """Show the turn's branch number and the number of branches."""
        self._branch = (number, total)
        self._draw()

    def on_mount(self) -> None:
        """Show the branches, if there are any."""
        self._draw()

    def on_resize(self) -> None:
        """Show as many hints as there is room for."""
        self._draw()

    def action_want(self, action: Action) -> None:
        """Report a clicked label."""
        self.post_message(self.Pressed(action))

    def _draw(self) -> None:
        number, total = self._branch
        parts: list[Content] = []
        if total > 1:
            arrows = (_label("older", "‹"), f" {number}/{total} ", _label("newer", "›"))
            parts.append(Content.assemble(*arrows))
        if self._selected:
            room = self.content_size.width - sum(part.cell_length + len(GAP) for part in parts)
            hints = [
                Content.assemble((hint.key, "bold"), f" {hint.label}").stylize(_link(hint.action))
                for hint in self._hints
            ]
            found = pages(hints, room)
            parts += found[self._page % len(found)]
            if len(found) > 1:
                parts.append(MORE.stylize(Style.from_meta({"@click": "more"})))
        self.update(Content(GAP).join(parts), layout=False)


def pages(hints: Sequence[Content], room: int) -> list[list[Content]]:
    """Return the hints in pages of ``room`` cells, with room for ``MORE`` if needed.

    Each page has at least one.
    """
    if sum(hint.cell_length + len(GAP) for hint in hints) - len(GAP) <= room:
        return [list(hints)]
    found: list[list[Content]] = [[]]
    left = room = room - MORE.cell_length - len(GAP)
    for hint in hints:
        needed = hint.cell_length + (len(GAP) if found[-1] else 0)
        if found[-1] and needed > left:
            found.append([])
            left, needed = room, hint.cell_length
        found[-1].append(hint)
        left -= needed
    return found


def _label(action: Action, text: str) -> Content:
    return Content(text).stylize(_link(action))


def _link(action: Action) -> Style:
    return Style.from_meta({"@click": f"want({action!r})"})
