"""The status line: model, what it is doing, how full the context is, how fast it goes."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from localqwq.conversations.turns import Measures

METER_CELLS = 8
_REDRAW_SECONDS = 0.1


class StatusLine(Horizontal):
    """One line under the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ""
        """Name and quantization."""
        self.activity = ""
        """What the model is doing; empty when it waits for a prompt."""
        self.context: int | None = None
        """Tokens that fit; None where that is not known."""
        self.measures: Measures | None = None
        """Of the turn that is generated, or was last."""
        self._shown = ("", "")

    def compose(self) -> ComposeResult:
        """What on the left, numbers on the right."""
        yield Static(id="left")
        yield Static(id="right")

    def on_mount(self) -> None:
        """Redraws what changed ten times a second; values may change with each token."""
        self.set_interval(_REDRAW_SECONDS, self._redraw)
        self._redraw()

    def _redraw(self) -> None:
        shown = " · ".join(part for part in (self.model, self.activity) if part), self._numbers()
        if shown != self._shown:
            grew = len(shown[1]) != len(self._shown[1])
            self._shown = left, right = shown
            self.query_one("#left", Static).update(Content(left), layout=False)
            self.query_one("#right", Static).update(Content(right), layout=grew)

    def _numbers(self) -> str:
        used = self.measures.context_tokens if self.measures else 0
        parts: list[str] = []
        if self.measures is not None and self.measures.rate:
            parts.append(f"{self.measures.rate:.1f} tokens/s")
        if self.context:
            used = min(used, self.context)  # the last token is never read back
            parts.append(f"{meter(used, self.context)} {used:,} / {self.context:,}")
        elif used:
            parts.append(f"{used:,} tokens")
        return "   ".join(parts)


def meter(used: int, total: int) -> str:
    """A bar of how much of the context is used; any use shows."""
    cells = min(METER_CELLS, -(-used * METER_CELLS // total)) if total else 0
    return "▰" * cells + "▱" * (METER_CELLS - cells)
