"""A call of a tool in the transcript: one quiet line, and all of it on request."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from localqwq.conversations.rounds import StoredCall
from localqwq.tui.text.calls import call_line, call_text
from localqwq.tui.widgets.transcript.lines import Lines
from localqwq.tui.widgets.transcript.plain import PlainText
from localqwq.tui.widgets.transcript.removable import Removable
from localqwq.tui.widgets.transcript.unpainted import Unpainted

MOST = 20_000
"""Characters that are shown of a call; a copy has all of them."""
_GUTTER = Content.styled("┆ ", "$foreground 20%")


class CallLine(Static, Removable):
    """The line; a click folds and unfolds the call."""

    def on_click(self, event: events.Click) -> None:
        """Fold or unfold; a selection is not a click."""
        if self.text_selection is None and isinstance(self.parent, CallView):
            event.stop()
            self.parent.toggle()


class CallView(Vertical, Unpainted):
    """One call, running or over."""

    DEFAULT_CSS = """
    CallView {
        height: auto;
        color: $text-muted;

        & > CallLine {
            width: 1fr;
            height: 1;
            padding: 0 2;
            text-wrap: nowrap;
            text-overflow: ellipsis;
            pointer: pointer;

            &:hover { color: $foreground; }
        }

        &.-marked > CallLine { padding: 0 2 0 1; border-left: outer $primary; }

        & > Lines { display: none; margin: 0 0 0 4; color: $text-muted; }
        &.-unfolded > Lines { display: block; }
    }
    """

    def __init__(self, call: StoredCall) -> None:
        super().__init__()
        self.call = call
        self._text = Lines(PlainText("", formulas=False), _GUTTER)
        self._shown: StoredCall | None = None

    @property
    def is_unfolded(self) -> bool:
        """Whether all of it is shown."""
        return self.has_class("-unfolded")

    @property
    def source(self) -> str:
        """All of the call as text."""
        return call_text(self.call)

    def compose(self) -> ComposeResult:
        """Show the line above the text."""
        yield CallLine(self._line())
        yield self._text

    def know(self, call: StoredCall) -> None:
        """Show the call as it is now."""
        if call != self.call:
            self.call = call
            self._redraw()

    def toggle(self) -> None:
        """Show all of it, or only the line."""
        self.toggle_class("-unfolded")
        self._redraw()

    def _redraw(self) -> None:
        if not self.is_mounted:
            return
        self.query_one(CallLine).update(self._line(), layout=False)
        if self.is_unfolded and self._shown != self.call:
            self._shown = self.call
            text = self.source.removeprefix(f"{self.call.name}\n")  # the line above has it
            if len(text) > MOST:
                more = len(text) - MOST
                text = (
                    f"{text[:MOST]}\n… {more:,} more characters; copying the call copies them too."
                )
            self._text.restart(PlainText(text, formulas=False))

    def _line(self) -> Content:
        return Content(f"{'▾' if self.is_unfolded else '▸'} {call_line(self.call)}")
