"""The status line: model, activity and its duration, speed, context fill."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from localqwq.conversations.turns import Measures
from localqwq.tui.text.measured import seconds
from localqwq.tui.widgets.context_bar import ContextBar
from localqwq.tui.widgets.models.progress import duration

ROOMY = 100
"""Columns; on a narrower terminal the model's name is hidden while it is active."""


class StatusLine(Horizontal):
    """One line under the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ""
        """Name and quantization; empty while there is none."""
        self.activity = ""
        """The model's activity; empty when it waits for a prompt."""
        self.measures: Measures | None = None
        """Measures of the current or last turn."""
        self.warning = ""
        """A warning about sending the prompt; it takes precedence."""
        self.reading = 0.0
        """Seconds that processing the typed text will take; 0 if negligible."""
        self._since: float | None = None
        self._shown = ("", "")

    def compose(self) -> ComposeResult:
        """Show text on the left, numbers on the right."""
        yield Static(id="left")
        yield Static(id="rate")
        yield ContextBar()

    def begin(self, since: float) -> None:
        """Start the clock: a prompt was sent at this time of the monotonic clock."""
        self._since = since

    def rest(self) -> None:
        """Stop the clock: the answer has ended."""
        self._since = None

    def redraw(self) -> None:
        """Show changed values; they may change with each token."""
        shown = self._left(), self._rate()
        if shown != self._shown:
            grew = len(shown[1]) != len(self._shown[1])
            self._shown = left, right = shown
            text = self.query_one("#left", Static)
            warned = text.has_class("-warning")
            text.set_class(bool(self.warning), "-warning")
            # The model's state has one line; a warning may have two.
            text.update(Content(left), layout=warned or bool(self.warning))
            self.query_one("#rate", Static).update(Content(right), layout=grew)

    def _left(self) -> str:
        if self.warning:
            return f"⚠ {self.warning}"
        activity = self.activity
        if activity and self._since is not None:
            activity = f"{activity} · {seconds(time.monotonic() - self._since)}"
        if not activity and self.reading:
            activity = f"Reading takes about {duration(self.reading)}"
        if activity and self.app.size.width < ROOMY:
            return activity
        return " · ".join(part for part in (self.model, activity) if part)

    def _rate(self) -> str:
        measures = None if self.warning else self.measures
        return f"{measures.rate:.1f} tokens/s" if measures is not None and measures.rate else ""


def thinking(measures: Measures, budget: int | None, *, answer_wanted: bool) -> str:
    """Return the state of a running thought, including its budget."""
    if answer_wanted:
        return "Finishing the thought"
    if budget is None:
        return f"Thinking {measures.thought_tokens:,}"
    return f"Thinking {measures.thought_tokens:,} / {budget:,}"


def answering(measures: Measures) -> str:
    """Return the state of a running answer."""
    return f"Answering {max(0, measures.tokens - measures.thought_tokens):,}"


def progress(what: str, part: float, left: float | None) -> str:
    """Return the state of longer work: how far it is, and the time left if known."""
    rest = f", {seconds(left)} left" if left is not None and left >= 1 else ""
    return f"{what} {part:.0%}{rest}"
