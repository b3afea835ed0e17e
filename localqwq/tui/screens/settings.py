"""The settings screen, generated from the schema, with help, limits and undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from localqwq.errors import LocalqwqError
from localqwq.locations import home_directory
from localqwq.settings.file import SettingsFile
from localqwq.settings.schema import Settings, value_of
from localqwq.settings.target import ConversationTarget, FileTarget
from localqwq.tui.widgets.fields import Field
from localqwq.tui.widgets.keys import KeyLine
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.widgets.settings.entries import Missing
from localqwq.tui.widgets.settings.row import SettingRow
from localqwq.tui.widgets.settings.rows import (
    AddButton,
    RemoveButton,
    Rows,
    Section,
    changed,
    matching,
    sections,
)

NOTHING_CHANGED = "All settings have their defaults."
NOTHING_OWN = "This conversation has no settings of its own."
NOTHING_FOUND = "No setting contains all of these words."
OWN = "Values for this conversation only; empty ones are as in the general settings."


class SettingsScreen(ModalScreen[Mapping[str, object] | None]):
    """A popup for the general settings, or for one conversation's own ones.

    Its result is the conversation's values by key, None for the general settings. Changes are
    reported at once to the app by the messages ``Changed`` and ``Overridden``.
    """

    CSS_PATH = "settings.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+f", "search", "Search", key_display="^f", priority=True),
        Binding("ctrl+x r", "reset", "Reset", key_display="^x r", priority=True),
        Binding("ctrl+x a", "reset_shown", "Reset all", key_display="^x a"),
        Binding("ctrl+x v", "recommended", "Makers' values", key_display="^x v"),
        Binding("ctrl+z,ctrl+x u", "undo", "Undo", key_display="^z"),
        Binding("escape", "leave", "Close", key_display="esc"),
    ]
    COMMAND: ClassVar[str] = "settings"

    class Changed(Message):
        """The settings have changed."""

        def __init__(self, settings: Settings) -> None:
            super().__init__()
            self.settings = settings

    class Overridden(Message):
        """The conversation's own values have changed."""

        def __init__(self, values: Mapping[str, object]) -> None:
            super().__init__()
            self.values = values

    def __init__(self, file: SettingsFile, overrides: Mapping[str, object] | None = None) -> None:
        """Set up; ``overrides``: a conversation's own values, to be edited instead of the file."""
        super().__init__()
        self._target: FileTarget | ConversationTarget = FileTarget(file)
        if overrides is not None:
            self._target = ConversationTarget(self._target.settings, overrides)
        self._file = file
        self._before: list[Mapping[str, object]] = []  # what undoing sets
        self._sections = sections(self._target)
        self._shown = self._sections[:1]

    def compose(self) -> ComposeResult:
        """Show the search, sections on the left, and the first one's settings on the right."""
        self._rows = Rows(self._target, sorted(self.app.available_themes))
        with Vertical(id="sheet") as sheet:
            own = isinstance(self._target, ConversationTarget)
            sheet.border_title = "Settings of this conversation" if own else "Settings"
            yield Field(placeholder="Search the settings", id="search", compact=True)
            with Horizontal():
                yield OptionList(
                    Option("Changed"),
                    *(Option(section.title) for section in self._sections),
                    id="sections",
                    compact=True,
                )
                yield VerticalScroll(*self._rows.of(self._shown), id="rows", can_focus=False)
            yield Static(id="note", markup=False)
            yield Notice()
        yield KeyLine()

    def on_mount(self) -> None:
        """Start with the first section, which is shown already."""
        self._tell()
        listed = self.query_one("#sections", OptionList)
        with listed.prevent(OptionList.OptionHighlighted):
            listed.highlighted = 1
        self.set_focus(listed)

    def reread(self) -> None:
        """Apply changes made to the file elsewhere."""
        if isinstance(self._target, FileTarget):
            self._target.reread()
            self._tell()
            for row in self.query(SettingRow):
                if not row.has_focus_within and row.entry is None:
                    self._rows.refresh(row)

    # Display

    @on(OptionList.OptionHighlighted, "#sections")
    async def _walk(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_index == event.option_list.highlighted:  # not already past it
            self._end_search()
            await self._show_again()

    @on(OptionList.OptionSelected, "#sections")
    async def _enter(self) -> None:
        if self._end_search():
            await self._show_again()
        else:
            self.action_into()

    def _end_search(self) -> bool:
        """Clear the search; return whether there was any."""
        search = self.query_one("#search", Input)
        was = bool(search.value)
        with search.prevent(Input.Changed):
            search.value = ""
        return was

    @on(Input.Changed, "#search")
    async def _search(self, event: Input.Changed) -> None:
        if event.value == event.input.value:
            await self._show_again()

    @on(Input.Submitted, "#search")
    def action_into(self) -> None:
        """Focus the first setting shown, else the button that adds one."""
        if (first := next(iter(self.query(SettingRow)), None)) is not None:
            self.set_focus(first.editor)
        elif (add := next(iter(self.query(Button)), None)) is not None:
            self.set_focus(add)

    async def _show_again(self) -> None:
        """Show search results, else the section."""
        chosen = self.query_one("#sections", OptionList).highlighted or 0
        if words := self.query_one("#search", Input).value.strip():
            await self._show(matching(self._target, words), NOTHING_FOUND)
        elif chosen:
            await self._show([self._sections[chosen - 1]], "")
        else:
            own = isinstance(self._target, ConversationTarget)
            await self._show(changed(self._target), NOTHING_OWN if own else NOTHING_CHANGED)

    async def _show(self, shown: list[Section], otherwise: str) -> None:
        self._shown = shown
        body = self.query_one("#rows", VerticalScroll)
        async with self.batch():
            await body.remove_children()
            nothing = Static(otherwise, classes="quiet")
            await body.mount_all(self._rows.of(shown) if shown else [nothing])
        body.scroll_home(animate=False)

    def _tell(self) -> None:
        """Show where the settings are stored, or what is wrong there."""
        if isinstance(self._target, ConversationTarget):
            text = OWN
        elif problem := self._file.problem or self._file.trouble:
            text = f"⚠ {problem}"
        else:
            text = f"Kept in {_short(self._file.path)}; changes there take effect at once."
        self.query_one("#note", Static).update(text)

    # Changes

    @on(SettingRow.Committed)
    def _committed(self, event: SettingRow.Committed) -> None:
        self._enter_value(event.row, event.value)

    @on(SettingRow.ResetWanted)
    def _reset_wanted(self, event: SettingRow.ResetWanted) -> None:
        self._enter_value(event.row, None)

    @on(Button.Pressed, ".add")
    async def _add(self, event: Button.Pressed) -> None:
        place = event.button.query_ancestor(AddButton)
        new = self._rows.add(place.table)
        await self.query_one("#rows").mount_all(new, before=place)
        if isinstance(new[0], SettingRow):
            self.set_focus(new[0].editor)

    @on(Button.Pressed, ".remove")
    async def _remove(self, event: Button.Pressed) -> None:
        place = event.button.query_ancestor(RemoveButton)
        values = self._rows.remove(place.table, place.entry)
        if values is not None:
            self._change(values)
        await self._show_again()

    def action_search(self) -> None:
        """Focus the search."""
        # At once, not by `focus`: keys that were typed ahead are for it.
        self.set_focus(self.query_one("#search", Input))

    def action_reset(self) -> None:
        """Reset the focused setting."""
        if (row := self._focused_row()) is not None:
            self._enter_value(row, None)

    async def action_reset_shown(self) -> None:
        """Reset all settings shown."""
        keys = [one.key for section in self._shown for one in section.settings]
        await self._take_back([key for key in keys if self._target.is_changed(key)])

    async def action_recommended(self) -> None:
        """Reset the sampling to the makers' recommendation."""
        sampling = [one for one in self._sections if one.title == "Sampling"]
        keys = [one.key for section in sampling for one in section.settings]
        await self._take_back([key for key in keys if self._target.is_changed(key)])
        self.notify("Sampling is as the model's makers recommend.")

    async def action_undo(self) -> None:
        """Undo the last change."""
        if not self._before:
            return
        values = self._before.pop()
        if self._change(values):
            self._before.pop()  # undoing is not a change to undo
            await self._show_again()

    def action_leave(self) -> AwaitComplete:
        """Close the screen, accepting what is being edited."""
        row = self._focused_row()
        if row is not None and (found := row.entered()) is not None:
            self._enter_value(row, found.value)
        own = self._target.own if isinstance(self._target, ConversationTarget) else None
        return self.dismiss(own)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action is possible: makers' values apply to all conversations, not to
        one.
        """
        return action != "recommended" or isinstance(self._target, FileTarget)

    def _enter_value(self, row: SettingRow, value: object) -> None:
        values = self._rows.values(row, value)
        together = [one for one in self.query(SettingRow) if one.is_beside(row)]
        if isinstance(values, Missing):
            for one in together:
                one.say(values.sentence if one.setting.key == values.part else "")
        elif self._change(values, row.say):
            for one in together:
                self._rows.refresh(one)
            for one in self.query(SettingRow) if row.entry is not None else ():
                self._rows.offer(one)

    async def _take_back(self, keys: list[str]) -> None:
        if keys and self._change(dict.fromkeys(keys)):
            await self._show_again()

    def _change(
        self, values: Mapping[str, object], say: Callable[[str], None] | None = None
    ) -> bool:
        """Set values; return whether that succeeded. Problems go to ``say``, else onto the page."""
        target = self._target
        before = {
            key: value_of(target.settings, key) if target.is_changed(key) else None
            for key in values
        }
        try:
            target.change(values)
        except LocalqwqError as error:
            if say is None:
                self.notify(str(error), severity="error", markup=False)
            else:
                say(str(error))
            return False
        self._before.append(before)
        self._tell()
        if isinstance(target, FileTarget):
            self.post_message(self.Changed(target.settings))
        else:
            self.post_message(self.Overridden(dict(target.own)))
        return True

    def _focused_row(self) -> SettingRow | None:
        node: Widget | None = self.focused
        while node is not None and not isinstance(node, SettingRow):
            node = node.parent if isinstance(node.parent, Widget) else None
        return node


def _short(path: Path) -> str:
    """Return the path as people write it."""
    home = home_directory()
    if home is None or not path.is_relative_to(home):
        return str(path)
    return f"~/{path.relative_to(home)}"
