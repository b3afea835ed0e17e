"""The help screen: all commands and their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from localqwq.tui.commands.table import COMMANDS, LEADER, TABLE, Command, keys, shown
from localqwq.tui.widgets.keys import KeyLine

PROMPT = (
    ("⏎", "sends the prompt"),
    ("^j", "starts a new line; so do Shift+Enter and Alt+Enter if the terminal sends them"),
    ("↑ ↓", "on the first and last line: earlier and later prompts"),
    ("/", "at the beginning: runs a command by name"),
)
TURNS = (
    ("↑ ↓", "part by part; ^↑ ^↓ turn by turn"),
    ("⏎", "folds and unfolds the thought"),
    ("c a t", "copies the part, the whole answer, the thought"),
    ("q", "quotes the part in the prompt"),
    ("e h", "edits the prompt or the answer; the thought"),
    ("r o", "answers again; continues where the answer ended"),
    ("← →", "the branches beside this one"),
    ("del", "removes the turn and what follows it"),
    ("esc", "back to the prompt"),
    ("mouse", "click to select a part, or a thought's first line to fold it; the wheel scrolls"),
)

COLUMN, GAP = 10, "  "
"""Width of the key column in cells, and the gap after it."""
KEYS = (
    "Press ^x before a letter; if text is selected, it cuts that. To run a command from the "
    "prompt, type its name after a slash, such as /answer_now. To change a command's key, use "
    '[keys] in the settings file: answer_now = "ctrl+y".'
)


@dataclass(frozen=True, slots=True)
class Line:
    """Keys and their effect."""

    key: str
    title: str
    text: str


class Lines(Widget):
    """Lines with a column for keys; painted, since so many widgets would take a second."""

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__()
        self.lines = lines

    def render(self) -> Content:
        """Return all lines."""
        width = self.content_size.width
        return Content("\n").join(line for one in self.lines for line in _wrapped(one, width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows at this width."""
        return sum(len(_wrapped(line, width)) for line in self.lines)


def _wrapped(line: Line, width: int) -> list[Content]:
    """Return a line in this many cells; the rest wraps below its own column."""
    said = Content.assemble(
        (line.title, "bold"), "  " if line.title else "", (line.text, "$text-muted")
    )
    first, *rest = said.wrap(max(10, width - COLUMN - len(GAP)))
    key = Content.styled(line.key.rjust(COLUMN), "bold $primary")
    return [key + GAP + first, *(Content(" " * COLUMN + GAP) + row for row in rest)]


class HelpScreen(ModalScreen[None]):
    """A popup that lists all commands."""

    CSS_PATH = "popup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Close", key_display="esc")]
    COMMAND: ClassVar[str] = "help"

    def __init__(self, own: Mapping[str, str]) -> None:
        """Set up; ``own``: custom keys, by command."""
        super().__init__()
        self._own = own

    def action_leave(self) -> AwaitComplete:
        """Close the popup."""
        return self.dismiss()

    def compose(self) -> ComposeResult:
        """Show the commands by group, and the keys of prompt and turns."""
        with VerticalScroll(id="popup") as popup:
            popup.border_title = "Help"
            yield Static("Leaving", classes="group")
            quits = shown(keys(COMMANDS["quit"], self._own))
            others = "or ^c twice, ^d in an empty prompt, or /quit: everything is saved."
            yield Lines([Line(quits, "Quit", others)])
            for group, commands in groupby(TABLE, key=lambda command: command.group):
                yield Static(group, classes="group")
                yield Lines([Line(self._keys(one), one.title, one.help) for one in commands])
            for title, lines in (("In the prompt", PROMPT), ("In the transcript", TURNS)):
                yield Static(title, classes="group")
                yield Lines([Line(key, "", text) for key, text in lines])
            yield Static("Keys", classes="group")
            yield Static(KEYS, classes="quiet", markup=False)
        yield KeyLine()

    def _keys(self, command: Command) -> str:
        """Return the key of a command, and the one after the leader."""
        key, letter = shown(keys(command, self._own)), shown(f"{LEADER} {command.letter}")
        return " ".join(filter(None, [key, letter if command.letter else ""]))
