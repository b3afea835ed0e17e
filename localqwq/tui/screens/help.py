"""All commands and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from localqwq.tui.commands import COMMANDS, LEADER, TABLE, Command, keys, shown
from localqwq.tui.widgets.keys import KeyLine

PROMPT = (
    ("⏎", "sends the prompt"),
    ("^j", "begins a new line; Shift+Enter and Alt+Enter do so too, where the terminal sends them"),
    ("↑ ↓", "at the first and last line: the prompts before and after"),
    ("/", "at the beginning: a command by its name"),
)
TURNS = (
    ("↑ ↓", "from part to part; ^↑ ^↓ from turn to turn"),
    ("⏎", "folds and unfolds the thought"),
    ("c a t", "copies the part, the whole answer, the thought"),
    ("q", "quotes the part in the prompt"),
    ("e h", "edits the prompt or the answer; the thought"),
    ("r o", "answers once more; goes on where the answer ended"),
    ("← →", "the branches beside this one"),
    ("del", "removes the turn and what follows it"),
    ("esc", "back to the prompt"),
    ("mouse", "a click selects a part, on a thought's first line it folds; the wheel scrolls"),
)

KEYS = (
    "^x is pressed before a letter; where text is selected, it cuts that. Each command's name "
    "after a slash, such as /answer_now, does it from the prompt. Under [keys] in the settings' "
    'file a command gets another key: answer_now = "ctrl+y".'
)


class Line(Horizontal):
    """Keys, and what they do."""

    def __init__(self, key: str, title: str, text: str) -> None:
        super().__init__(
            Static(Content(key), classes="key"),
            Static(Content.assemble((title, "bold"), "  " if title else "", (text, "$text-muted"))),
        )


class HelpScreen(ModalScreen[None]):
    """A popup that lists what can be done."""

    CSS_PATH = "popup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Close", key_display="esc")]
    COMMAND: ClassVar[str] = "help"

    def __init__(self, own: Mapping[str, str]) -> None:
        """`own`: the keys that a person chose, by command."""
        super().__init__()
        self._own = own

    def action_leave(self) -> AwaitComplete:
        """Closes it."""
        return self.dismiss()

    def compose(self) -> ComposeResult:
        """The commands by group, and what the prompt and the turns do with keys."""
        with VerticalScroll(id="popup") as popup:
            popup.border_title = "Help"
            yield Static("Leaving", classes="group")
            quits = shown(keys(COMMANDS["quit"], self._own))
            yield Line(quits, "Quit", "or ^c twice, ^d in the empty prompt, /quit: all is kept.")
            for group, commands in groupby(TABLE, key=lambda command: command.group):
                yield Static(group, classes="group")
                for command in commands:
                    yield Line(self._keys(command), command.title, command.help)
            for title, lines in (("In the prompt", PROMPT), ("In the transcript", TURNS)):
                yield Static(title, classes="group")
                for key, text in lines:
                    yield Line(key, "", text)
            yield Static("Keys", classes="group")
            yield Static(KEYS, classes="quiet", markup=False)
        yield KeyLine()

    def _keys(self, command: Command) -> str:
        """The key of a command, and the one behind the leader."""
        key, letter = shown(keys(command, self._own)), shown(f"{LEADER} {command.letter}")
        return " ".join(filter(None, [key, letter if command.letter else ""]))
