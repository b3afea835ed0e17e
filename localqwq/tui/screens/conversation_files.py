"""Two dialogs: where to export a conversation, and which file to import."""

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
    """The chosen export."""

    form: Format
    thoughts: bool
    path: Path


class Paths(Suggester):
    """Completes a path with the first matching name in its folder."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the completed path; None if there is nothing to complete."""
        return await asyncio.to_thread(_complete, value) if value else None


class FormatChoice(RadioButton):
    """A radio button whose mark is visible without colours."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Show the mark only on the chosen one."""
        self.BUTTON_INNER = "●" if self.value else " "
        super().watch_value()


class Option(Checkbox):
    """A checkbox whose mark is visible without colours."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Show the mark only if it is checked."""
        self.BUTTON_INNER = "✓" if self.value else " "
        super().watch_value()


class ExportScreen(ModalScreen[Export | None]):
    """Asks for the format, the thoughts and the file; the result is None if cancelled."""

    CSS_PATH = "conversations.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "write", "Export", key_display="^s", priority=True),
        Binding("escape", "leave", "Cancel", key_display="esc"),
    ]

    def __init__(self, title: str, path: Path) -> None:
        """Set up; ``path``: an unused one for Markdown."""
        super().__init__()
        self._title = title
        self._path = path

    def compose(self) -> ComposeResult:
        """Show the questions in a column, and buttons for the mouse."""
        with Vertical(id="form") as form:
            form.border_title = "Export"
            yield Static(f"“{self._title}”", classes="what", markup=False)
            with RadioSet(compact=True):
                yield FormatChoice("Markdown: what the app shows", value=True, id="markdown")
                yield FormatChoice("JSON: with all branches, can be imported again", id="json")
            yield Option("with the thoughts", value=True, compact=True)
            yield Static("File", classes="label")
            yield Field(str(self._path), suggester=Paths(), compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="leave", compact=True)
                yield Button("Export", id="write", variant="primary", compact=True)
        yield KeyLine()

    @on(RadioSet.Changed)
    def _follow(self, event: RadioSet.Changed) -> None:
        """Adapt the file's suffix to the format."""
        field = self.query_one(Input)
        path = Path(field.value)
        if path.suffix in SUFFIXES.values():
            field.value = str(path.with_suffix(SUFFIXES[self._form()]))

    def _form(self) -> Format:
        return "json" if self.query_one("#json", RadioButton).value else "markdown"

    @on(Input.Submitted)
    @on(Button.Pressed, "#write")
    def action_write(self) -> None:
        """Accept the choices."""
        value = self.query_one(Input).value.strip()
        if value:
            thoughts = self.query_one(Checkbox).value
            self.dismiss(Export(self._form(), thoughts, Path(value)))

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)


class ImportScreen(ModalScreen[Path | None]):
    """Asks for a file with conversations."""

    CSS_PATH = "conversations.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", key_display="esc"),
    ]

    def compose(self) -> ComposeResult:
        """Show which files are accepted, the path, and buttons for the mouse."""
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
        """Focus the path."""
        self.set_focus(self.query_one(Input))

    @on(Input.Submitted)
    @on(Button.Pressed, "#read")
    def action_read(self) -> None:
        """Accept the path."""
        value = self.query_one(Input).value.strip()
        if value:
            self.dismiss(Path(value))

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Cancel."""
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
