"""Notices on their own lines above the prompt, covering nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.content import Content
from textual.widgets import Static

from localqwq.visible import visible

Severity = Literal["information", "warning", "error"]
Matter = Literal["conversations", "settings", "temporary", "keys", "below"]
"""The subject of a persistent sentence; each has one at most."""

MOST = 3
"""Maximum number of messages shown at once; older ones are dropped."""
GLANCE_S, LETTERS_PER_S = 0.5, 40.0
"""A message counts as read after a moment plus the time for its length."""
SIGNS = {"information": "", "warning": "⚠ ", "error": "✗ "}
COLOURS = {"information": "$foreground", "warning": "$text-warning", "error": "$text-error"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is shown once."""

    text: str
    severity: Severity
    since: float
    passing: bool = False
    """Whether any key ends it, however short it was shown."""

    def is_read(self, now: float) -> bool:
        """Return whether there was enough time to read it."""
        return self.passing or now - self.since >= GLANCE_S + len(self.text) / LETTERS_PER_S


class Messages:
    """Notices: sentences shown while they are true, and messages until they are read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._messages: list[Message] = []
        self._sentences: dict[Matter, str] = {}

    def tell(self, about: Matter, sentence: str) -> None:
        """Set the sentence on a subject; an empty one ends it."""
        self._sentences[about] = sentence

    def say(self, text: str, severity: Severity, *, passing: bool = False) -> None:
        """Add a message; one with the same text is shown again."""
        others = [one for one in self._messages if one.text != text and not one.passing]
        new = Message(text, severity, self._clock(), passing)
        self._messages = [*others, new][-MOST:]

    def key(self) -> None:
        """Remove the messages that have been read, as a key was pressed."""
        now = self._clock()
        self._messages = [one for one in self._messages if not one.is_read(now)]

    def clear(self) -> None:
        """Remove all messages."""
        self._messages.clear()

    def lines(self) -> Iterator[Content]:
        """Yield what is to be shown, the newest last."""
        for about, sentence in self._sentences.items():
            if sentence:
                yield Content(f"{'↓' if about == 'below' else '○'} {visible(sentence)}")
        for one in self._messages:
            yield Content.styled(SIGNS[one.severity] + visible(one.text), COLOURS[one.severity])


class Notice(Static, can_focus=False):
    """The lines; hidden while there are none. A click marks all messages as read."""

    DEFAULT_CSS = """
    Notice {
        height: auto;
        max-height: 6;
        padding: 0 2;
        color: $text-warning;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._messages = Messages()
        self._shown: list[Content] = []

    def tell(self, about: Matter, sentence: str) -> None:
        """Set the sentence on a subject; an empty one ends it."""
        self._messages.tell(about, sentence)
        self._show()

    def say(self, text: str, severity: Severity = "information", *, passing: bool = False) -> None:
        """Show a message until a key is pressed after there was time to read it.

        ``passing``: any key ends it.
        """
        self._messages.say(" ".join(text.splitlines()), severity, passing=passing)
        self._show()

    def key(self) -> None:
        """Note that a key was pressed."""
        self._messages.key()
        self._show()

    def on_click(self, event: events.Click) -> None:
        """Mark all messages as read."""
        event.stop()
        self._messages.clear()
        self._show()

    def _show(self) -> None:
        lines = list(self._messages.lines())
        if lines != self._shown:
            self._shown = lines
            self.display = bool(lines)
            self.update(Content("\n").join(lines))
