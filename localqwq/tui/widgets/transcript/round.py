"""An answer of the model that called tools: what it thought and said, and its calls."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from localqwq.conversations.rounds import Round
from localqwq.tui.widgets.transcript.call import CallView
from localqwq.tui.widgets.transcript.lines import Lines
from localqwq.tui.widgets.transcript.plain import PlainText
from localqwq.tui.widgets.transcript.unpainted import Unpainted

GUTTER = Content.styled("│ ", "$foreground 20%")


class RoundView(Vertical, Unpainted):
    """One round, inside the block of a thought."""

    DEFAULT_CSS = """
    RoundView {
        height: auto;

        & > Lines { margin: 0 0 0 2; color: $text-muted; }
    }
    """

    def __init__(self, made: Round) -> None:
        super().__init__()
        self._texts = [
            Lines(PlainText(text), GUTTER) for text in (made.thought, made.text) if text.strip()
        ]
        self.calls = [CallView(call) for call in made.calls]
        """Its calls."""

    def compose(self) -> ComposeResult:
        """Show the texts above the calls."""
        yield from self._texts
        yield from self.calls

    def know(self, made: Round) -> None:
        """Show its calls as they are now."""
        for view, call in zip(self.calls, made.calls, strict=True):
            view.know(call)

    def show_texts(self, *, shown: bool) -> None:
        """Show or hide what the model thought and said."""
        for text in self._texts:
            text.display = shown
