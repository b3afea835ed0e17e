"""The prompt: grows with what is typed, and remembers what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea


class Prompt(TextArea):
    """A text area in which Enter sends.

    At its first and last line, Up and Down walk through the prompts of the conversation; what
    was being typed is at the end of them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", key_display="⏎"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "New line", key_display="^j"),
    ]

    @dataclass
    class Submitted(Message):
        """A person wants this to be sent; the prompt still holds it."""

        text: str

    def __init__(self) -> None:
        super().__init__(
            placeholder="Ask something…",
            soft_wrap=True,
            show_line_numbers=False,
            highlight_cursor_line=False,
            tab_behavior="focus",
        )
        self._history: list[str] = []
        self._at = 0
        self._draft = ""

    def remember(self, prompts: list[str]) -> None:
        """Replaces the prompts that Up and Down go through, oldest first."""
        self._history = prompts
        self._at = len(prompts)

    def put(self, text: str) -> None:
        """Puts text before what has been typed since, and the cursor at the end."""
        typed = self.text.strip()
        self._fill(f"{text}\n{typed}" if typed else text)

    def take(self) -> str:
        """Empties the prompt and remembers its text."""
        text = self.text.strip()
        self._history.append(text)
        self._at = len(self._history)
        self.clear()
        return text

    async def on_key(self, event: events.Key) -> None:
        """Keeps Enter from the text area, which would break the line with it.

        A priority binding would do so too, but run before the keys typed ahead of it.
        """
        if event.key == "enter":
            event.prevent_default()

    def action_submit(self) -> None:
        """Sends, unless there is nothing to send."""
        if text := self.text.strip():
            self.post_message(self.Submitted(text))

    def action_newline(self) -> None:
        """Begins a new line."""
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        """Up; from the first line to the prompt before."""
        if not select and self._on_edge(-1):
            self._walk(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Down; from the last line to the prompt after."""
        if not select and self._on_edge(1):
            self._walk(1)
        else:
            super().action_cursor_down(select)

    def _on_edge(self, step: int) -> bool:
        """Whether the cursor is on the first or last line as it is wrapped."""
        y = self.wrapped_document.location_to_offset(self.cursor_location).y
        return y == (0 if step < 0 else self.wrapped_document.height - 1)

    def _walk(self, step: int) -> None:
        to = self._at + step
        if not 0 <= to <= len(self._history):
            return
        if self._at == len(self._history):
            self._draft = self.text
        self._at = to
        self._fill(self._history[to] if to < len(self._history) else self._draft)

    def _fill(self, text: str) -> None:
        self.load_text(text)
        self.move_cursor(self.document.end)
