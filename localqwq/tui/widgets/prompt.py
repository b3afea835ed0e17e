"""The prompt: grows with what is typed, and remembers what was sent."""

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
"""A pasted text of more than either does not go into the prompt, where it could not be read."""


class Prompt(TextArea):
    """A text area in which Enter sends.

    At its first and last line, Up and Down walk through the prompts of the conversation; what
    was being typed is at the end of them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", key_display="⏎"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "New line", key_display="^j"),
        Binding("ctrl+d", "delete_or_leave", show=False),
    ]

    @dataclass
    class Submitted(Message):
        """A person wants this to be sent; the prompt still holds it."""

        text: str

    @dataclass
    class LongPaste(Message):
        """A text was pasted that is too long to be shown here."""

        text: str

    @dataclass
    class FilePaste(Message):
        """The path of a file was pasted, as terminals do when one is dropped on them."""

        path: Path

    @dataclass
    class Copied(Message):
        """This part of what is typed is to be copied."""

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
        """Which of them is shown; behind the last one: what is new."""
        self._changed: dict[int, str] = {}
        """What was typed at other places than the one that is shown."""
        self.before_key: Callable[[str], bool] | None = None
        """Whoever else wants keys gets them first, and says whether one was meant for it."""

    def remember(self, prompts: list[str]) -> None:
        """Replaces the prompts that Up and Down go through, oldest first."""
        self._changed.pop(self._at, None)
        left = [self._changed[place] for place in sorted(self._changed, reverse=True)]
        self._history = prompts
        self._at = len(prompts)
        self._changed.clear()
        if left:
            self.fill("\n".join(text for text in (*left, self.text) if text))

    @property
    def unsent(self) -> str:
        """All that was typed here and not sent: what is shown, and what Up and Down have left."""
        end = len(self._history)
        texts = self._changed | ({self._at: self.text} if self._is_changed else {})
        found = [texts.pop(end, ""), *(text for _, text in sorted(texts.items()))]
        return "\n".join(text for text in found if text)

    def put(self, text: str) -> None:
        """Puts text before what has been typed since, and the cursor at the end."""
        typed = self.text.strip()
        self.fill(f"{text}\n{typed}" if typed else text)

    def take(self) -> str:
        """Empties the prompt and remembers its text; what Up and Down have left is there then."""
        text = self.text.strip()
        self._changed.pop(self._at, None)
        left = [self._changed[place] for place in sorted(self._changed, reverse=True)]
        self._history.append(text)
        self.empty()
        if left:
            self.fill("\n".join(left))
        return text

    def empty(self) -> None:
        """Empties the prompt, also of what Up and Down have left."""
        self._at = len(self._history)
        self._changed.clear()
        self.clear()

    async def on_key(self, event: events.Key) -> None:
        """Keeps Enter from the text area, which would break the line with it.

        A priority binding would do so too, but run before the keys typed ahead of it.
        """
        if self.before_key is not None and self.before_key(event.key):
            event.prevent_default()
            event.stop()
        elif event.key == "enter":
            event.prevent_default()

    async def on_paste(self, event: events.Paste) -> None:
        """Long texts and dropped files are not for the text area.

        Many terminals, and tmux, send a line's end as the Enter key would.
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
        """Sends, unless there is nothing to send."""
        if text := self.text.strip():
            self.post_message(self.Submitted(text))

    def action_copy(self) -> None:
        """Has what is selected here copied; without that, what is selected elsewhere."""
        if not self.selected_text:
            raise SkipAction
        self.post_message(self.Copied(self.selected_text))

    async def action_delete_or_leave(self) -> None:
        """Deletes to the right; leaves where there is nothing, as a shell does."""
        if self.text:
            self.action_delete_right()
        else:
            await self.run_action("app.quit")

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
        if self._is_changed:
            self._changed[self._at] = self.text
        else:
            self._changed.pop(self._at, None)
        self._at = to
        self.fill(self._changed.get(to, self._history[to] if to < len(self._history) else ""))

    @property
    def _is_changed(self) -> bool:
        """Whether what is shown is not what was sent once."""
        at = self._at
        return self.text != (self._history[at] if at < len(self._history) else "")

    def fill(self, text: str) -> None:
        """Replaces what is typed, and puts the cursor behind it."""
        self.load_text(text)
        self.move_cursor(self.document.end)


def _dropped(text: str) -> Path | None:
    """The file whose absolute path this is, quoted or escaped as terminals do it."""
    line = text.strip()
    if "\n" in line or len(line) > 4096:
        return None
    path = Path(line.strip("'\"").replace("\\ ", " ").removeprefix("file://"))
    try:
        return path if path.is_absolute() and path.is_file() else None
    except (OSError, ValueError):
        return None
