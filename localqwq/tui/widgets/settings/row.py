"""One setting: its name, editor, help, and any problem."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, DescendantBlur
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select, Static, TextArea

from localqwq.settings.describe import Setting
from localqwq.settings.values import WrongValue, parsed
from localqwq.tui.widgets.fields import Field, TextField
from localqwq.tui.widgets.settings.choices import Choices

_FEW = 8
"""Maximum number of choices shown side by side; more use a drop-down."""
_NOTHING = ""
"""Label of a choice that leaves the value to something else."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A value that a person has entered, None for nothing."""

    value: object


class ResetMark(Static):
    """Resets a changed value when clicked."""

    def __init__(self) -> None:
        super().__init__("↺ reset", classes="reset", markup=False)

    def on_click(self, event: Click) -> None:
        """Do the same as the key."""
        event.stop()
        row = self.query_ancestor(SettingRow)
        row.post_message(SettingRow.ResetWanted(row))


class SettingRow(Widget):
    """Shows one value, and reports when a person has changed it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    class Committed(Message):
        """A person has entered another valid value."""

        def __init__(self, row: SettingRow, value: object) -> None:
            super().__init__()
            self.row = row
            self.value = value

    class ResetWanted(Message):
        """A person wants to reset the value."""

        def __init__(self, row: SettingRow) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self,
        setting: Setting,
        value: object,
        *,
        changed: bool,
        usual: str = "",
        choices: Sequence[str] = (),
        table: str = "",
        entry: int | None = None,
    ) -> None:
        """Set up; ``usual``: shown if nothing is set; ``choices``: the current choices.

        ``table``: key of the table or list that it is a field of, at index ``entry``.
        """
        super().__init__(classes="-changed" if changed else None)
        self.setting = setting
        self.table = table
        self.entry = entry
        self._choices = setting.choices or tuple(choices)
        self.usual = usual
        self._text = self._written(value)
        self._changed = changed
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Show name, editor and mark in a line, and the help below."""
        yield Static(self._title(), classes="title", markup=False)
        yield self._editor()
        if self._changed:
            yield ResetMark()
        yield Static(self._help(), classes="help")

    @property
    def editor(self) -> Widget:
        """The widget with the focus while the value is edited."""
        return self.query_one("Input, TextArea, Select, Choices", Widget)

    def show(self, value: object, *, changed: bool, usual: str) -> None:
        """Show another value, such as after a reset."""
        self._text, self.usual = self._written(value), usual
        if not self.children:  # it will be composed of these
            self._changed = changed
            self.set_class(changed, "-changed")
            return
        self._mark(changed)
        self.query_one(".title", Static).update(self._title())
        self.say("")
        match self.editor:
            case Input() as editor if editor.value != self._text:
                editor.value = self._text
            case TextArea() as editor if editor.text != self._text:
                editor.text = self._text
            case Choices() as editor:
                editor.chosen = self._text
            case Select() as editor if editor.value != self._text:
                editor.value = self._text

    def is_beside(self, row: SettingRow) -> bool:
        """Return whether both are fields of the same entry."""
        if row.entry is None:
            return row is self
        return (self.table, self.entry) == (row.table, row.entry)

    def offer(self, choices: Sequence[str]) -> None:
        """Offer other values, if they are shown side by side."""
        if isinstance(editor := self.editor, Choices) and choices:
            self._choices = tuple(choices)
            editor.offer([*self._unset(), *((choice, choice) for choice in choices)])

    def say(self, problem: str) -> None:
        """Show what is wrong with the text, empty for nothing, naming the setting by its title."""
        if (
            named := re.match(rf"\S*\b{re.escape(self.setting.key)} (?=must|is)", problem)
        ) is not None:
            problem = f"{self.setting.title} {problem[named.end() :]}"
        if problem != self._problem:
            self._problem = problem
            self.set_class(bool(problem), "-wrong")
            self.query_one(".help", Static).update(self._help())

    def entered(self) -> Entered | None:
        """Return what was entered, if it is new and valid."""
        text = self._entered()
        if text is None or text == self._text:
            self.say("")
            return None
        try:
            value = parsed(self.setting, text)
        except WrongValue as wrong:
            self.say(str(wrong))
            return None
        self._text = text
        return Entered(value)

    def commit(self) -> None:
        """Report what was entered."""
        if (found := self.entered()) is not None:
            self.post_message(self.Committed(self, found.value))

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _check(self, event: Input.Changed | TextArea.Changed) -> None:
        event.stop()
        try:
            parsed(self.setting, self._entered() or "")
        except WrongValue as wrong:
            self.say(str(wrong))
        else:
            self.say("")

    @on(Input.Submitted)
    @on(Choices.Changed)
    @on(Select.Changed)
    def _done(self, event: Message) -> None:
        event.stop()
        self.commit()

    def on_descendant_blur(self, _: DescendantBlur) -> None:
        """Accept the value when the field is left, as with Enter."""
        self.commit()

    def _mark(self, changed: bool) -> None:
        if changed != self._changed:
            self._changed = changed
            self.set_class(changed, "-changed")
            self.query(ResetMark).remove()
            if changed:
                self.mount(ResetMark(), before=".help")

    def _editor(self) -> Widget:
        setting = self.setting
        if setting.kind == "switch":
            own = [("true", "on"), ("false", "off")]
            return Choices([*self._unset(), *own], self._text)
        if self._choices and len(self._choices) <= _FEW:
            own = [(choice, choice) for choice in self._choices]
            return Choices([*self._unset(), *own], self._text)
        if self._choices:
            options = [(choice, choice) for choice in dict.fromkeys((*self._choices, self._text))]
            return Select(options, value=self._text, allow_blank=False, compact=True)
        if setting.kind == "paragraph":
            return TextField(
                self._text,
                soft_wrap=True,
                tab_behavior="focus",
                compact=True,
                placeholder=self.usual,
            )
        return Field(self._text, placeholder=self.usual, compact=True)

    def _unset(self) -> list[tuple[str, str]]:
        return [(_NOTHING, self.usual or "not set")] if self.setting.optional else []

    def _entered(self) -> str | None:
        match self.editor:
            case Input(value=text) | TextArea(text=text) | Choices(chosen=text):
                return text
            case Select(value=str(text)):
                return text
        return None

    def _written(self, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"{value:.12g}" if isinstance(value, float) else str(value)

    def _title(self) -> str:
        return f"{'•' if self._changed else ' '} {self.setting.title}"

    def _help(self) -> Content:
        words = self.setting.help.split("`")
        text = Content.assemble(
            *((word, "$foreground" if code % 2 else "") for code, word in enumerate(words))
        )
        if not self._problem:
            return text
        return Content.assemble((f"✗ {self._problem}", "bold $text-error"), "\n", text)


def usual_text(setting: Setting) -> str:
    """Return what an empty field means, in a few words."""
    if setting.key.startswith("sampling.") and "empty:" not in setting.help:
        return f"as recommended; QwQ: {setting.example:g}"
    if said := re.search(r"empty: ([^.;]*)", setting.help, re.IGNORECASE):
        return said[1]
    return "" if setting.example is None else f"such as {setting.example}"
