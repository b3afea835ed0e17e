"""One value that is chosen by hand: its name, and a field that arrow keys step through."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from localqwq.settings.describe import Setting
from localqwq.tui.widgets.fields import Field


class StepField(Field):
    """An input whose arrow keys step through values; they are too short to move a cursor in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Change", key_display="← →"),
        Binding("right", "step(1)", show=False),
        Binding("delete", "empty", "Automatic", key_display="del"),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def action_step(self, step: int) -> None:
        """Go to the next or the previous value."""
        self.post_message(ValueRow.StepWanted(self.query_ancestor(ValueRow), step))

    def action_empty(self) -> None:
        """Leave the choice to the plan."""
        self.value = ""


class Arrow(Static):
    """Steps when clicked."""

    def __init__(self, text: str, step: int) -> None:
        super().__init__(text, markup=False)
        self._step = step

    def on_click(self, event: Click) -> None:
        """Do the same as the key."""
        event.stop()
        row = self.query_ancestor(ValueRow)
        row.screen.set_focus(row.editor)
        row.post_message(ValueRow.StepWanted(row, self._step))


class ValueRow(Widget):
    """One value in a line; empty, it shows what the plan takes."""

    class Edited(Message):
        """Its text has changed."""

    class StepWanted(Message):
        """A person wants the next value, or the one before."""

        def __init__(self, row: ValueRow, step: int) -> None:
            super().__init__()
            self.row = row
            self.step = step

    def __init__(self, setting: Setting, text: str) -> None:
        """Set up; ``text``: what is in force now, empty where nothing is chosen."""
        super().__init__()
        self.setting = setting
        self._loaded = text
        self.usual = ""
        """What the plan takes."""

    def compose(self) -> ComposeResult:
        """Show a mark for a change, the name, and the value between arrows."""
        yield Static(f"  {self.setting.title}", classes="title", markup=False)
        yield Arrow("◂", -1)
        yield StepField(self._loaded, compact=True, select_on_focus=False)
        yield Arrow("▸", 1)

    @property
    def editor(self) -> StepField:
        """The field."""
        return self.query_one(StepField)

    @property
    def text(self) -> str:
        """What is chosen; empty leaves the choice to the plan."""
        return self.editor.value

    def put(self, text: str) -> None:
        """Choose a value."""
        self.editor.value = text
        self.editor.cursor_position = len(text)

    def show_usual(self, text: str) -> None:
        """Show what the plan takes, where nothing is chosen."""
        self.usual = text
        self.editor.placeholder = f"{text} (auto)" if text not in ("", "auto") else "auto"

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        changed = event.value.strip() != self._loaded
        self.set_class(changed, "-changed")
        mark = "•" if changed else " "
        self.query_one(".title", Static).update(f"{mark} {self.setting.title}")
        self.post_message(self.Edited())
