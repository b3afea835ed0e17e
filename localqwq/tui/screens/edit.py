"""A text that was said already, to be changed."""

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
    """A popup with the text; its result is the changed one, None if nothing is to happen."""

    CSS_PATH = "popup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", "Go on with it", key_display="^s", priority=True),
        Binding("escape", "leave", "Leave it", key_display="esc"),
    ]

    def __init__(self, title: str, hint: str, text: str) -> None:
        """`hint`: one sentence about what happens with the changed text."""
        super().__init__()
        self._title = title
        self._hint = hint
        self._text = text

    def compose(self) -> ComposeResult:
        """The hint, the text, and two buttons for the mouse."""
        with Vertical(id="popup") as popup:
            popup.border_title = self._title
            yield Static(self._hint, id="hint", markup=False)
            yield TextField(self._text, soft_wrap=True, tab_behavior="focus")
            with Horizontal(id="buttons"):
                yield Button("Leave it", id="leave", compact=True)
                yield Button("Go on with it", id="done", variant="primary", compact=True)
        yield KeyLine()

    def on_mount(self) -> None:
        """The cursor is where the text goes on."""
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        self.set_focus(area)

    @property
    def text(self) -> str:
        """As it is now."""
        return self.query_one(TextArea).text

    @on(Button.Pressed, "#done")
    def action_done(self) -> None:
        """Goes on with the text, if there is any."""
        if self.text.strip():
            self.dismiss(self.text)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Nothing happens."""
        self.dismiss(None)
