"""A thought: a quiet block that shows its last lines while it grows and folds afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Static

from localqwq.conversations.turns import Measures
from localqwq.tui.widgets.transcript.plain import GrowingText

Fold = Literal["folded", "tail", "open"]
TAIL_LINES = 6
_REDRAW_SECONDS = 0.1


class ThoughtHeader(Static, can_focus=True):
    """The line that names a thought and folds it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "fold", "Fold", show=False)]

    class Toggled(Message):
        """The line was clicked or entered."""

    def on_click(self, event: events.Click) -> None:
        """A click anywhere on the line folds or unfolds."""
        event.stop()
        self.action_fold()

    def action_fold(self) -> None:
        """Asks the block to fold or unfold."""
        self.post_message(self.Toggled())


class ThoughtBlock(Vertical):
    """One thought, live or from the store."""

    fold: reactive[Fold] = reactive[Fold]("folded")

    @dataclass
    class FoldChanged(Message):
        """A person folded or unfolded this block."""

        block: ThoughtBlock

        @property
        def control(self) -> ThoughtBlock:
            """The block."""
            return self.block

    def __init__(self, text: str = "", measures: Measures | None = None) -> None:
        """A thought that is over; without measures one that is about to begin."""
        super().__init__()
        self._text = text
        self._measures = measures or Measures()
        self._live = measures is None
        self._waiting = ""
        self._since: float | None = None
        self._shown = 0
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The header, the last lines, and room for all lines."""
        yield ThoughtHeader(self._headline())
        yield Static(id="tail")
        yield GrowingText()

    def on_mount(self) -> None:
        """Redraws a live thought ten times a second, not at each token."""
        self.set_class(self._live, "-live")
        if self._live:
            self._timer = self.set_interval(_REDRAW_SECONDS, self._redraw)

    def wait(self, sentence: str) -> None:
        """Says what is waited for before the thought begins."""
        self._waiting = sentence

    def append(self, text: str, measures: Measures) -> None:
        """Adds a piece."""
        if self._since is None:
            self._since = time.monotonic() - measures.thought_seconds
            if self.fold == "folded":
                self.fold = "tail"
        self._text += text
        self._measures = measures

    def end(self, measures: Measures) -> None:
        """The thought is over; without any text the block disappears."""
        if not self._live:
            return
        self._live = False
        self._measures = measures
        if self._timer is not None:
            self._timer.stop()
        self.remove_class("-live")
        self.display = bool(self._text.strip())
        if self.fold == "tail":
            self.fold = "folded"
        self._redraw()

    def toggle(self) -> None:
        """Shows all of it, or as little as there may be at the moment."""
        closed: Fold = "tail" if self._live and self._since is not None else "folded"
        self.fold = closed if self.fold == "open" else "open"

    def watch_fold(self, fold: Fold) -> None:
        """Shows what the fold says."""
        self.set_class(fold == "tail", "-tail")
        self.set_class(fold == "open", "-open")
        if self.is_mounted:
            self._redraw()

    def on_thought_header_toggled(self, event: ThoughtHeader.Toggled) -> None:
        """A person wants to see more or less."""
        event.stop()
        self.post_message(self.FoldChanged(self))

    def _redraw(self) -> None:
        self.query_one(ThoughtHeader).update(self._headline(), layout=False)
        if self.fold == "tail":
            tail = self.query_one("#tail", Static)
            # A thousand characters fill the lines of any reasonable width.
            lines = Content(self._text.strip()[-1_000:]).wrap(tail.content_size.width or 80)
            lines = lines[-TAIL_LINES:]
            tail.update(Content("\n").join(lines), layout=len(lines) != tail.size.height)
        elif self.fold == "open" and self._shown < len(self._text):
            text = self._text[self._shown :]
            self.query_one(GrowingText).append(text if self._shown else text.lstrip("\n"))
            self._shown = len(self._text)

    def _headline(self) -> Content:
        arrow = "▾" if self.fold == "open" else "▸"
        return Content(f"{arrow} {self._sentence()}")

    def _sentence(self) -> str:
        tokens = self._measures.thought_tokens
        if not self._live:
            return f"Thought for {seconds(self._measures.thought_seconds)}, {count(tokens)}"
        if self._since is None:
            return self._waiting
        return f"Thinking… {seconds(time.monotonic() - self._since)} · {count(tokens)}"


def seconds(duration: float) -> str:
    """A duration as people read it: ``2.1 s``, ``1 min 12 s``."""
    if duration < 59.95:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"


def count(tokens: int) -> str:
    """A number of tokens with its unit."""
    return "1 token" if tokens == 1 else f"{tokens:,} tokens"
