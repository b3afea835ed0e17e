"""The line under a turn: what can be done with it, and which of its branches it is."""

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
"""What can be wanted of a turn."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and what it does."""

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
"""Both in the order of their worth: on a narrow terminal the last ones are not shown."""


class Foot(Static):
    """A line that is quiet until its turn is selected."""

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

    def show(self, *, selected: bool) -> None:
        """Says what can be done while the turn is selected."""
        self._selected = selected
        self._draw()

    def branch(self, number: int, total: int) -> None:
        """Says which branch of how many the turn is."""
        self._branch = (number, total)
        self._draw()

    def on_mount(self) -> None:
        """Shows the branches, if there are any."""
        self._draw()

    def on_resize(self) -> None:
        """Shows as many hints as there is room for."""
        self._draw()

    def action_want(self, action: Action) -> None:
        """A label was clicked."""
        self.post_message(self.Pressed(action))

    def _draw(self) -> None:
        number, total = self._branch
        parts: list[Content] = []
        if total > 1:
            arrows = (_label("older", "‹"), f" {number}/{total} ", _label("newer", "›"))
            parts.append(Content.assemble(*arrows))
        if self._selected:
            room = self.content_size.width - sum(part.cell_length + 3 for part in parts)
            for hint in self._hints:
                part = Content.assemble((hint.key, "bold"), f" {hint.label}")
                room -= part.cell_length + 3
                if room < -3:
                    break
                parts.append(part.stylize(_link(hint.action)))
        self.update(Content(" · ").join(parts), layout=False)


def _label(action: Action, text: str) -> Content:
    return Content(text).stylize(_link(action))


def _link(action: Action) -> Style:
    return Style.from_meta({"@click": f"want({action!r})"})
