"""All commands and their keys."""

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

COLUMN, GAP = 10, "  "
"""Cells for keys, and what is between them and what they do."""
KEYS = (
    "^x is pressed before a letter; where text is selected, it cuts that. Each command's name "
    "after a slash, such as /answer_now, does it from the prompt. Under [keys] in the settings' "
    'file a command gets another key: answer_now = "ctrl+y".'
)


@dataclass(frozen=True, slots=True)
class Line:
    """Keys, and what they do."""

    key: str
    title: str
    text: str


class Lines(Widget):
    """Lines with a column for keys; painted, since so many widgets would take a second."""

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__()
        self.lines = lines

    def render(self) -> Content:
        """All of them."""
        width = self.content_size.width
        return Content("\n").join(line for one in self.lines for line in _wrapped(one, width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as they take in this width."""
        return sum(len(_wrapped(line, width)) for line in self.lines)


def _wrapped(line: Line, width: int) -> list[Content]:
    """A line in so many cells; what does not fit goes on below its own column."""
    said = Content.assemble(
        (line.title, "bold"), "  " if line.title else "", (line.text, "$text-muted")
    )
    first, *rest = said.wrap(max(10, width - COLUMN - len(GAP)))
    key = Content.styled(line.key.rjust(COLUMN), "bold $primary")
    return [key + GAP + first, *(Content(" " * COLUMN + GAP) + row for row in rest)]


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
            others = "or ^c twice, ^d in the empty prompt, /quit: all is kept."
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
        """The key of a command, and the one behind the leader."""
        key, letter = shown(keys(command, self._own)), shown(f"{LEADER} {command.letter}")
        return " ".join(filter(None, [key, letter if command.letter else ""]))
