"""What there is to tell, on lines of its own above the prompt: nothing is covered by it."""

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
"""What a sentence that stays is about; each has one at most."""

MOST = 3
"""Messages that are shown at once; older ones make room."""
GLANCE_S, LETTERS_PER_S = 0.5, 40.0
"""Nobody has read a message before it was there for a moment, and for as long as it is."""
SIGNS = {"information": "", "warning": "⚠ ", "error": "✗ "}
COLOURS = {"information": "$foreground", "warning": "$text-warning", "error": "$text-error"}


@dataclass(frozen=True, slots=True)
class Message:
    """Something that is told once."""

    text: str
    severity: Severity
    since: float
    passing: bool = False
    """Whether any key ends it, however short it was there."""

    def is_read(self, now: float) -> bool:
        """Whether there was time enough to read it."""
        return self.passing or now - self.since >= GLANCE_S + len(self.text) / LETTERS_PER_S


class Messages:
    """What is told: sentences for as long as they are true, and messages until they are read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._messages: list[Message] = []
        self._sentences: dict[Matter, str] = {}

    def tell(self, about: Matter, sentence: str) -> None:
        """Says this of a matter from now on; an empty sentence ends it."""
        self._sentences[about] = sentence

    def say(self, text: str, severity: Severity, *, passing: bool = False) -> None:
        """Adds a message; one with the same text is said anew."""
        others = [one for one in self._messages if one.text != text and not one.passing]
        new = Message(text, severity, self._clock(), passing)
        self._messages = [*others, new][-MOST:]

    def key(self) -> None:
        """A key was pressed: whatever has been read goes."""
        now = self._clock()
        self._messages = [one for one in self._messages if not one.is_read(now)]

    def clear(self) -> None:
        """All messages have been read."""
        self._messages.clear()

    def lines(self) -> Iterator[Content]:
        """What is to be shown, the newest last."""
        for about, sentence in self._sentences.items():
            if sentence:
                yield Content(f"{'↓' if about == 'below' else '○'} {visible(sentence)}")
        for one in self._messages:
            yield Content.styled(SIGNS[one.severity] + visible(one.text), COLOURS[one.severity])


class Notice(Static, can_focus=False):
    """The lines; not there while there are none. A click says that all messages are read."""

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
        """Says this of a matter from now on; an empty sentence ends it."""
        self._messages.tell(about, sentence)
        self._show()

    def say(self, text: str, severity: Severity = "information", *, passing: bool = False) -> None:
        """Says something until a key is pressed after there was time to read it.

        `passing`: any key ends it.
        """
        self._messages.say(" ".join(text.splitlines()), severity, passing=passing)
        self._show()

    def key(self) -> None:
        """A key was pressed."""
        self._messages.key()
        self._show()

    def on_click(self, event: events.Click) -> None:
        """All is read."""
        event.stop()
        self._messages.clear()
        self._show()

    def _show(self) -> None:
        lines = list(self._messages.lines())
        if lines != self._shown:
            self._shown = lines
            self.display = bool(lines)
            self.update(Content("\n").join(lines))
