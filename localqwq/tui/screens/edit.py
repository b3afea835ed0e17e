"""Editing a text that was sent already."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static, TextArea

from localqwq.tui.widgets.fields import TextField
from localqwq.tui.widgets.keys import KeyLine


class EditScreen(ModalScreen[str | None]):
    """A popup with the text; its result is the changed one, None if cancelled."""

    CSS_PATH = "popup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", "Continue", key_display="^s", priority=True),
        Binding("escape", "leave", "Cancel", key_display="esc"),
    ]

    def __init__(self, title: str, hint: str, text: str) -> None:
        """Set up; ``hint``: one sentence on what happens with the changed text."""
        super().__init__()
        self._title = title
        self._hint = hint
        self._text = text

    def compose(self) -> ComposeResult:
        """Show the hint, the text, and two buttons for the mouse."""
        with Vertical(id="popup") as popup:
            popup.border_title = self._title
            yield Static(self._hint, id="hint", markup=False)
            yield TextField(self._text, soft_wrap=True, tab_behavior="focus")
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="leave", compact=True)
                yield Button("Continue", id="done", variant="primary", compact=True)
        yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor at the end of the text."""
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        self.set_focus(area)

    @property
    def text(self) -> str:
        """The current text."""
        return self.query_one(TextArea).text

    @on(Button.Pressed, "#done")
    def action_done(self) -> None:
        """Accept the text, if there is any."""
        if self.text.strip():
            self.dismiss(self.text)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)
