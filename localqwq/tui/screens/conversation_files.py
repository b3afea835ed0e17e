"""Two small questions: where to write a conversation, and which file to read others from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Checkbox, Input, RadioButton, RadioSet, Static

from localqwq.conversations.exports import SUFFIXES, Format
from localqwq.locations import expanded
from localqwq.tui.widgets.fields import Field
from localqwq.tui.widgets.keys import KeyLine


@dataclass(frozen=True, slots=True)
class Export:
    """What somebody wants written."""

    form: Format
    thoughts: bool
    path: Path


class Paths(Suggester):
    """Completes a path with the first name in its folder that goes on like it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path; None where there is nothing to complete."""
        return await asyncio.to_thread(_complete, value) if value else None


class FormatChoice(RadioButton):
    """One of several, whose mark is seen without colours."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Only what is chosen has a mark."""
        self.BUTTON_INNER = "●" if self.value else " "
        super().watch_value()


class Option(Checkbox):
    """Yes or no, with a mark that is seen without colours."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Only what is chosen has a mark."""
        self.BUTTON_INNER = "✓" if self.value else " "
        super().watch_value()


class ExportScreen(ModalScreen[Export | None]):
    """Asks for the form, for the thoughts and for the file; None if nothing is to be written."""

    CSS_PATH = "conversations.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "write", "Export", key_display="^s", priority=True),
        Binding("escape", "leave", "Cancel", key_display="esc"),
    ]

    def __init__(self, title: str, path: Path) -> None:
        """`path`: a free one for Markdown."""
        super().__init__()
        self._title = title
        self._path = path

    def compose(self) -> ComposeResult:
        """The questions in a column, and buttons for the mouse."""
        with Vertical(id="form") as form:
            form.border_title = "Export"
            yield Static(f"“{self._title}”", classes="what", markup=False)
            with RadioSet(compact=True):
                yield FormatChoice(
                    "Markdown, to read: what the app shows", value=True, id="markdown"
                )
                yield FormatChoice("JSON, to import again: with all branches", id="json")
            yield Option("with the thoughts", value=True, compact=True)
            yield Static("File", classes="label")
            yield Field(str(self._path), suggester=Paths(), compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="leave", compact=True)
                yield Button("Export", id="write", variant="primary", compact=True)
        yield KeyLine()

    @on(RadioSet.Changed)
    def _follow(self, event: RadioSet.Changed) -> None:
        """The file's ending follows the form."""
        field = self.query_one(Input)
        path = Path(field.value)
        if path.suffix in SUFFIXES.values():
            field.value = str(path.with_suffix(SUFFIXES[self._form()]))

    def _form(self) -> Format:
        return "json" if self.query_one("#json", RadioButton).value else "markdown"

    @on(Input.Submitted)
    @on(Button.Pressed, "#write")
    def action_write(self) -> None:
        """Done."""
        value = self.query_one(Input).value.strip()
        if value:
            thoughts = self.query_one(Checkbox).value
            self.dismiss(Export(self._form(), thoughts, Path(value)))

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Nothing is written."""
        self.dismiss(None)


class ImportScreen(ModalScreen[Path | None]):
    """Asks for a file with conversations."""

    CSS_PATH = "conversations.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", key_display="esc"),
    ]

    def compose(self) -> ComposeResult:
        """What may be in the file, its path, and buttons for the mouse."""
        with Vertical(id="form") as form:
            form.border_title = "Import"
            yield Static(
                "A JSON export of localqwq or Open WebUI, or that of ChatGPT or Claude (the zip "
                "or its conversations.json). Branches and thoughts come along.",
                classes="what",
            )
            yield Static("File (→ completes)", classes="label")
            yield Field(placeholder="~/Downloads/…", suggester=Paths(), compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="leave", compact=True)
                yield Button("Import", id="read", variant="primary", compact=True)
        yield KeyLine()

    def on_mount(self) -> None:
        """One types at once."""
        self.set_focus(self.query_one(Input))

    @on(Input.Submitted)
    @on(Button.Pressed, "#read")
    def action_read(self) -> None:
        """Done."""
        value = self.query_one(Input).value.strip()
        if value:
            self.dismiss(Path(value))

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Nothing is read."""
        self.dismiss(None)


def _complete(value: str) -> str | None:
    folder, slash, start = value.rpartition("/")
    try:
        names = sorted(path.name for path in expanded(Path(folder + slash)).iterdir())
    except OSError:
        return None
    hidden = start.startswith(".")
    fits = (name for name in names if name.startswith(start) and (hidden or name[0] != "."))
    name = next(fits, None)
    return None if name is None else f"{folder}{slash}{name}"
