"""A thought: a muted block that shows its last lines while it grows and folds afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Measures
from localqwq.tui.text.calls import number_of_calls, whole_thought
from localqwq.tui.text.measured import count, measured, seconds
from localqwq.tui.widgets.transcript.call import CallView
from localqwq.tui.widgets.transcript.lines import Lines
from localqwq.tui.widgets.transcript.plain import PlainText
from localqwq.tui.widgets.transcript.removable import Removable
from localqwq.tui.widgets.transcript.round import GUTTER, RoundView
from localqwq.tui.widgets.transcript.unpainted import Unpainted

Display = Literal["closed", "tail", "open"]
"""Only a heading; the last lines; all of it."""
Fold = Literal["closed", "calls", "tail", "open"]
"""The same, and ``calls``: of a finished thought, the calls of tools in it."""
TAIL_LINES, TAIL_CALLS = 6, 6
"""Last lines and calls that are shown; the heading counts all calls."""


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
    """One thought, live or from the store, with the rounds in which tools were called."""

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
    fold: reactive[Fold] = reactive[Fold]("closed")

    @dataclass
    class FoldChanged(Message):
        """The block was folded or unfolded by a person."""

        block: ThoughtBlock

        @property
        def control(self) -> ThoughtBlock:
            """The block."""
            return self.block

    def __init__(
        self,
        text: str = "",
        measures: Measures | None = None,
        display: Display = "tail",
        rounds: Sequence[Round] = (),
    ) -> None:
        """Set up a finished thought, or without measures one that is about to begin.

        ``display``: how much is shown; the last lines only while it grows.
        """
        super().__init__()
        self._lines = Lines(PlainText(text), GUTTER)
        self.rounds = tuple(rounds)
        """The rounds before the current text."""
        self._views = [RoundView(one) for one in rounds]
        self._measures = measures or Measures()
        self._live = measures is None
        self._display: Display = display
        self._waiting = ""
        self._since: float | None = None
        if not self._live:
            self.set_reactive(ThoughtBlock.fold, self._finished_fold())
            self.display = self._has_content()

    @property
    def source(self) -> str:
        """The thought as the model wrote it, with its calls."""
        return whole_thought(self.rounds, self._lines.source)

    @property
    def grew(self) -> bool:
        """Whether there is text that is not drawn yet."""
        return self._lines.grew

    @property
    def calls(self) -> list[CallView]:
        """The visible calls."""
        return [view for view in self._all_calls() if view.display and self.display]

    def compose(self) -> ComposeResult:
        """Show the header, the rounds and the lines."""
        yield ThoughtHeader(self._headline())
        yield from self._views
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
            if not self.rounds:
                self.fold = self._display

    def know(self, rounds: Sequence[Round], measures: Measures) -> None:
        """Show the rounds as they are now; the text so far belongs to the last one, if it is new.

        The thought then goes on behind it.
        """
        self._measures = measures
        for view, one in zip(self._views, rounds, strict=False):
            view.know(one)
        new = [RoundView(one) for one in rounds[len(self._views) :]]
        self.rounds = tuple(rounds)
        if not new:
            return
        if not self._views and self.fold == "closed":
            self.fold = self._display
        self._views += new
        self._live, self._since, self.display = True, None, True
        self._lines.restart(PlainText(""))
        self.mount_all(new, before=self._lines)
        self.watch_fold(self.fold)

    def end(self, measures: Measures) -> None:
        """End the thought; without any text the block disappears."""
        if not self._live:
            return
        self._live = False
        self._measures = measures
        self.display = self._has_content()
        if self.fold == "tail":
            self.fold = self._finished_fold()
        self._redraw()

    def draw(self) -> None:
        """Show what has arrived and the elapsed time, unless it is over."""
        if self._live:
            self._redraw()

    def toggle(self) -> None:
        """Show all of it, or as little as is possible now."""
        self.fold = self._least_fold() if self.fold == "open" else "open"

    def show(self, display: Display) -> None:
        """Show this much of it from now on."""
        self._display = display
        if not self._live or self._since is not None or self.rounds:
            self.fold = display

    def watch_fold(self, fold: Fold) -> None:
        """Apply the fold."""
        self.set_class(fold == "tail", "-tail")
        self.set_class(fold == "open", "-open")
        self._lines.limit = TAIL_LINES if fold == "tail" else None
        calls = self._all_calls()
        first = {"closed": len(calls), "open": 0}.get(fold, len(calls) - TAIL_CALLS)
        for number, call in enumerate(calls):
            call.display = number >= first
        for view in self._views:
            view.show_texts(shown=fold == "open")
        if self.is_mounted:
            self._redraw()

    def on_thought_header_toggled(self, event: ThoughtHeader.Toggled) -> None:
        """Fold or unfold."""
        event.stop()
        self.post_message(self.FoldChanged(self))

    def _all_calls(self) -> list[CallView]:
        return [call for view in self._views for call in view.calls]

    def _has_content(self) -> bool:
        return bool(self.rounds or self._lines.source.strip())

    def _finished_fold(self) -> Fold:
        if self._display == "open":
            return "open"
        return "calls" if self.rounds and self._display == "tail" else "closed"

    def _least_fold(self) -> Fold:
        if self._display == "closed":
            return "closed"
        if self._live:
            return "tail"
        return "calls" if self.rounds else "closed"

    def _redraw(self) -> None:
        self.query_one(ThoughtHeader).update(self._headline(), layout=False)
        if self.grew:
            self._lines.take()
            if self.fold in ("tail", "open"):
                self._lines.update()

    def _headline(self) -> Content:
        arrow = "▾" if self.fold == "open" else "▸"
        return Content(f"{arrow} {self._sentence()}")

    def _sentence(self) -> str:
        calls = number_of_calls(self.rounds)
        if not self._live:
            return ", ".join(part for part in (measured(self._measures), calls) if part)
        if self._since is None:
            return self._waiting
        tokens = count(self._measures.thought_tokens)
        parts = [f"Thinking… {seconds(time.monotonic() - self._since)}", tokens, calls]
        return " · ".join(part for part in parts if part)
