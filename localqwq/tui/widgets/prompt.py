"""The prompt: grows with its text, and has a history of sent prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

LONG_LINES, LONG_CHARACTERS = 20, 2000
"""A longer pasted text does not go into the prompt, where it could not be read."""


class Prompt(TextArea):
    """A text area in which Enter sends.

    On its first and last line, Up and Down walk through the conversation's prompts; what was being
    typed is at their end.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", key_display="⏎"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "New line", key_display="^j"),
        Binding("ctrl+d", "delete_or_leave", show=False),
    ]

    @dataclass
    class Submitted(Message):
        """The text, still in the prompt, should be sent."""

        text: str

    @dataclass
    class LongPaste(Message):
        """A text was pasted that is too long to show here."""

        text: str

    @dataclass
    class FilePaste(Message):
        """A file's path was pasted, as terminals do when a file is dropped on them."""

        path: Path

    @dataclass
    class Copied(Message):
        """This part of the text should be copied."""

        text: str

    def __init__(self) -> None:
        super().__init__(
            placeholder="Ask something…",
            soft_wrap=True,
            show_line_numbers=False,
            highlight_cursor_line=False,
            tab_behavior="focus",
        )
        self.cursor_blink = False  # drawing it twice a second takes time from the engine
        self._history: list[str] = []
        self._at = 0
        """The index of the shown prompt; past the last one is the new text."""
        self._changed: dict[int, str] = {}
        """Edits of prompts other than the one shown."""
        self.before_key: Callable[[events.Key], bool] | None = None
        """Gets keys first, and returns whether one was meant for it."""

    def remember(self, prompts: list[str]) -> None:
        """Replace the prompts that Up and Down walk through, oldest first."""
        self._changed.pop(self._at, None)
        left = [self._changed[place] for place in sorted(self._changed, reverse=True)]
        self._history = prompts
        self._at = len(prompts)
        self._changed.clear()
        if left:
            self.fill("\n".join(text for text in (*left, self.text) if text))

    @property
    def unsent(self) -> str:
        """Return all unsent text: what is shown, and what Up and Down have left."""
        end = len(self._history)
        texts = self._changed | ({self._at: self.text} if self._is_changed else {})
        found = [texts.pop(end, ""), *(text for _, text in sorted(texts.items()))]
        return "\n".join(text for text in found if text)

    def put(self, text: str) -> None:
        """Insert text before what has been typed since, and put the cursor at the end."""
        typed = self.text.strip()
        self.fill(f"{text}\n{typed}" if typed else text)

    def take(self) -> str:
        """Empty the prompt and add its text to the history; then show what Up and Down have
        left.
        """
        text = self.text.strip()
        self._changed.pop(self._at, None)
        left = [self._changed[place] for place in sorted(self._changed, reverse=True)]
        self._history.append(text)
        self.empty()
        if left:
            self.fill("\n".join(left))
        return text

    def empty(self) -> None:
        """Empty the prompt, including what Up and Down have left."""
        self._at = len(self._history)
        self._changed.clear()
        self.clear()

    async def on_key(self, event: events.Key) -> None:
        """Keep Enter from the text area, which would insert a line break.

        A priority binding would do so too, but would run before keys typed ahead of it.
        """
        if self.before_key is not None and self.before_key(event):
            event.prevent_default()
            event.stop()
        elif event.key == "enter":
            event.prevent_default()

    async def on_paste(self, event: events.Paste) -> None:
        """Handle long texts and dropped files outside the text area.

        Many terminals, and tmux, send line ends like the Enter key.
        """
        event.stop()
        text = event.text.replace("\r\n", "\n").replace("\r", "\n")
        if path := _dropped(text):
            self.post_message(self.FilePaste(path))
        elif len(text) > LONG_CHARACTERS or text.count("\n") >= LONG_LINES:
            self.post_message(self.LongPaste(text))
        else:
            return
        event.prevent_default()

    def action_submit(self) -> None:
        """Send, unless there is nothing to send."""
        if text := self.text.strip():
            self.post_message(self.Submitted(text))

    def action_copy(self) -> None:
        """Copy the selection here, else the selection elsewhere."""
        if not self.selected_text:
            raise SkipAction
        self.post_message(self.Copied(self.selected_text))

    async def action_delete_or_leave(self) -> None:
        """Delete to the right; quit if the prompt is empty, like a shell."""
        if self.text:
            self.action_delete_right()
        else:
            await self.run_action("app.quit")

    def action_newline(self) -> None:
        """Start a new line."""
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up; from the first line to the previous prompt."""
        if not select and self._on_edge(-1):
            self._walk(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down; from the last line to the next prompt."""
        if not select and self._on_edge(1):
            self._walk(1)
        else:
            super().action_cursor_down(select)

    def _on_edge(self, step: int) -> bool:
        """Return whether the cursor is on the first or last wrapped line."""
        y = self.wrapped_document.location_to_offset(self.cursor_location).y
        return y == (0 if step < 0 else self.wrapped_document.height - 1)

    def _walk(self, step: int) -> None:
        to = self._at + step
        if not 0 <= to <= len(self._history):
            return
        if self._is_changed:
            self._changed[self._at] = self.text
        else:
            self._changed.pop(self._at, None)
        self._at = to
        self.fill(self._changed.get(to, self._history[to] if to < len(self._history) else ""))

    @property
    def _is_changed(self) -> bool:
        """Return whether the shown text differs from what was sent."""
        at = self._at
        return self.text != (self._history[at] if at < len(self._history) else "")

    def fill(self, text: str) -> None:
        """Replace the text, and put the cursor after it."""
        self.load_text(text)
        self.move_cursor(self.document.end)


def _dropped(text: str) -> Path | None:
    """Return the file whose absolute path this is, quoted or escaped as by terminals."""
    line = text.strip()
    if "\n" in line or len(line) > 4096:
        return None
    path = Path(line.strip("'\"").replace("\\ ", " ").removeprefix("file://"))
    try:
        return path if path.is_absolute() and path.is_file() else None
    except (OSError, ValueError):
        return None
