"""A thought: a muted block that shows its last lines while it grows and folds afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from localqwq.conversations.turns import Measures
from localqwq.tui.widgets.transcript.lines import Lines
from localqwq.tui.widgets.transcript.plain import PlainText
from localqwq.tui.widgets.transcript.removable import Removable
from localqwq.tui.widgets.transcript.unpainted import Unpainted

Display = Literal["closed", "tail", "open"]
"""Only a heading; the last lines; all of it."""
TAIL_LINES = 6
_GUTTER = Content.styled("│ ", "$foreground 20%")


class ThoughtHeader(Static, Removable):
    """The line that names a thought and folds it."""

    class Toggled(Message):
        """The line was clicked or entered."""

    def on_click(self, event: events.Click) -> None:
        """Fold or unfold."""
        event.stop()
        self.action_fold()

    def action_fold(self) -> None:
        """Ask the block to fold or unfold."""
        self.post_message(self.Toggled())


class ThoughtBlock(Vertical, Unpainted):
    """One thought, live or from the store."""

    DEFAULT_CSS = """
    ThoughtBlock {
        height: auto;
        margin: 0 0 1 0;
        color: $text-muted;

        ThoughtHeader {
            width: 1fr;
            height: 1;
            padding: 0 2;
            color: $text-muted;
            pointer: pointer;

            &:hover { color: $foreground; }
        }

        &.-marked > ThoughtHeader { padding: 0 2 0 1; border-left: outer $primary; }

        & > Lines {
            display: none;
            margin: 0 0 0 2;
            color: $text-muted;
        }

        &.-tail > Lines, &.-open > Lines { display: block; }
    }
    """
    fold: reactive[Display] = reactive[Display]("closed")

    @dataclass
    class FoldChanged(Message):
        """The block was folded or unfolded by a person."""

        block: ThoughtBlock

        @property
        def control(self) -> ThoughtBlock:
            """The block."""
            return self.block

    def __init__(
        self, text: str = "", measures: Measures | None = None, display: Display = "tail"
    ) -> None:
        """Set up a finished thought, or without measures one that is about to begin.

        ``display``: how much is shown; the last lines only while it grows.
        """
        super().__init__()
        self._lines = Lines(PlainText(text), _GUTTER)
        self._measures = measures or Measures()
        self._live = measures is None
        self._display: Display = display
        self._waiting = ""
        self._since: float | None = None
        if not self._live:
            self.set_reactive(ThoughtBlock.fold, "open" if display == "open" else "closed")
            self.display = bool(text.strip())

    @property
    def source(self) -> str:
        """The thought as the model wrote it."""
        return self._lines.source

    @property
    def grew(self) -> bool:
        """Whether there is text that is not drawn yet."""
        return self._lines.grew

    def compose(self) -> ComposeResult:
        """Show the header and the lines."""
        yield ThoughtHeader(self._headline())
        yield self._lines

    def on_mount(self) -> None:
        """Apply the fold."""
        self.watch_fold(self.fold)

    def wait(self, sentence: str) -> None:
        """Show what is being waited for before the thought begins."""
        self._waiting = sentence

    def append(self, text: str, measures: Measures) -> None:
        """Append text; ``draw`` shows it."""
        self._lines.append(text)
        self._measures = measures
        if self._since is None:
            self._since = time.monotonic() - measures.thought_seconds
            self.fold = self._display

    def end(self, measures: Measures) -> None:
        """End the thought; without any text the block disappears."""
        if not self._live:
            return
        self._live = False
        self._measures = measures
        self.display = bool(self.source.strip())
        if self.fold == "tail":
            self.fold = "closed"
        self._redraw()

    def draw(self) -> None:
        """Show what has arrived and the elapsed time, unless it is over."""
        if self._live:
            self._redraw()

    def toggle(self) -> None:
        """Show all of it, or as little as is possible now."""
        closed: Display = "tail" if self._live and self._display != "closed" else "closed"
        self.fold = closed if self.fold == "open" else "open"

    def show(self, display: Display) -> None:
        """Show this much of it from now on."""
        self._display = display
        if not self._live or self._since is not None:
            self.fold = display

    def watch_fold(self, fold: Display) -> None:
        """Apply the fold."""
        self.set_class(fold == "tail", "-tail")
        self.set_class(fold == "open", "-open")
        self._lines.limit = TAIL_LINES if fold == "tail" else None
        if self.is_mounted:
            self._redraw()

    def on_thought_header_toggled(self, event: ThoughtHeader.Toggled) -> None:
        """Fold or unfold."""
        event.stop()
        self.post_message(self.FoldChanged(self))

    def _redraw(self) -> None:
        self.query_one(ThoughtHeader).update(self._headline(), layout=False)
        if self.grew:
            self._lines.take()
            if self.fold != "closed":
                self._lines.update()

    def _headline(self) -> Content:
        arrow = "▾" if self.fold == "open" else "▸"
        return Content(f"{arrow} {self._sentence()}")

    def _sentence(self) -> str:
        if not self._live:
            return measured(self._measures)
        if self._since is None:
            return self._waiting
        tokens = count(self._measures.thought_tokens)
        return f"Thinking… {seconds(time.monotonic() - self._since)} · {tokens}"


def measured(measures: Measures) -> str:
    """Return the heading of a finished thought; those of other programs may lack measures."""
    took, tokens = measures.thought_seconds, measures.thought_tokens
    duration = f"Thought for {seconds(took)}" if took else "Thought"
    return f"{duration}, {count(tokens)}" if tokens else duration


def seconds(duration: float) -> str:
    """Return a duration for people: ``<0.1 s``, ``2.1 s``, ``42 s``, ``1 min 12 s``."""
    if duration < 0.05:
        return "<0.1 s"
    if duration < 9.95:
        return f"{duration:.1f} s"
    if duration < 59.5:
        return f"{duration:.0f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"


def count(tokens: int) -> str:
    """Return a number of tokens with its unit."""
    return "1 token" if tokens == 1 else f"{tokens:,} tokens"
