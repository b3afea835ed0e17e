"""Everything that can be done in the app: one table, of which keys, palette, help and `/commands`
are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LEADER = "ctrl+x"
"""The key before letters that are commands; where text is selected, it cuts that."""

LEAVING = ("interrupt", "quit")
"""Commands that wait for nothing."""

Group = Literal["Answer", "Turns", "Conversations", "View", "App"]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do."""

    id: str
    """What settings call it, as in `keys.answer_now = "ctrl+g"`, and `/answer_now` in the
    prompt."""
    title: str
    """Two words or so, for the footer and the palette."""
    help: str
    keys: str = ""
    """Keys that do it, by Textual's names with commas between them; empty for none."""
    letter: str = ""
    """The key that does it after `LEADER`: laptops and multiplexers keep keys to themselves."""
    group: Group = "App"
    footer: int = 0
    """Its place in the line of keys below the prompt; 0 for none."""
    short: str = ""
    """Its name there, where the title is long."""
    priority: bool = False
    """Whether the key does it even where the focused widget has a use for it."""
    everywhere: bool = False
    """Whether its keys do it in the pages above the chat, too."""
    aliases: tuple[str, ...] = ()
    """Its names in other programs, for the prompt."""

    @property
    def action(self) -> str:
        """What Textual is to do: the app leaves, the chat's screen does all else."""
        return f"app.{self.id}" if self.id in LEAVING else f"command({self.id!r})"


TABLE: tuple[Command, ...] = (
    Command(
        "stop", "Stop", "Ends the answer; what is there is kept.", "escape", "", "Answer", footer=1
    ),
    Command(
        "answer_now",
        "Answer now",
        "Ends the thought at its next sentence and starts the answer.",
        "ctrl+g",
        group="Answer",
        footer=2,
    ),
    Command(
        "think_longer",
        "Think longer",
        "Gives the thought 2,048 tokens more, or takes back “Answer now”.",
        "ctrl+l",
        group="Answer",
        footer=3,
        short="Longer",
    ),
    Command("think_on", "Think on", "Has a thought that has ended go on.", "ctrl+l", "", "Answer"),
    Command(
        "regenerate", "Regenerate", "Answers the last prompt once more.", "ctrl+r", "", "Answer"
    ),
    Command(
        "continue",
        "Continue",
        "Has an answer that was stopped or cut off go on where it ended.",
        "f8",
        "g",
        "Answer",
    ),
    Command(
        "edit", "Edit prompt", "Changes the last prompt; it is asked anew.", "f9", "e", "Turns"
    ),
    Command(
        "edit_thought",
        "Edit thought",
        "Changes the last thought; the model goes on from there.",
        group="Turns",
    ),
    Command(
        "edit_answer",
        "Edit answer",
        "Changes the last answer; the model goes on from there.",
        group="Turns",
    ),
    Command("older", "Older branch", "Shows the branch before this one.", "alt+left", "", "Turns"),
    Command("newer", "Newer branch", "Shows the branch after this one.", "alt+right", "", "Turns"),
    Command(
        "copy", "Copy answer", "Copies the last answer as it was written.", "f10", "c", "Turns"
    ),
    Command("copy_thought", "Copy thought", "Copies the last thought.", group="Turns"),
    Command(
        "remove",
        "Remove turn",
        "Takes the last prompt and its answer away.",
        letter="backspace",
        group="Turns",
    ),
    Command("undo", "Undo removal", "Brings back what was removed last.", "", "u", "Turns"),
    Command("new", "New", "Begins a new conversation.", "ctrl+n", "n", "Conversations", footer=7),
    Command(
        "temporary",
        "Temporary",
        "Begins a conversation of which nothing is stored.",
        letter="w",
        group="Conversations",
    ),
    Command(
        "conversations",
        "Conversations",
        "Lists and searches all of them; renames, pins, deletes, exports, imports.",
        "ctrl+o",
        "o",
        "Conversations",
        footer=8,
        short="Open",
        everywhere=True,
    ),
    Command(
        "own_settings",
        "Settings here",
        "This conversation's own sampling, thinking and prompts.",
        group="Conversations",
    ),
    Command(
        "thoughts",
        "Thoughts",
        "Cycles thoughts between their last lines, the full text, and hidden.",
        "ctrl+t",
        group="View",
    ),
    Command(
        "context",
        "Context",
        "Says what fills the context, and what is free.",
        "f5",
        "x",
        "View",
        everywhere=True,
    ),
    Command(
        "turns",
        "Turns",
        "Goes to the transcript, where keys do things with single turns, and back.",
        "f6",
        "t",
        "View",
        priority=True,
    ),
    Command(
        "latest",
        "To the end",
        "Goes to the newest text, and follows it.",
        "ctrl+end",
        "l",
        "View",
        priority=True,
    ),
    Command("pageup", "Page up", "Scrolls up.", "pageup", "", "View", priority=True),
    Command("pagedown", "Page down", "Scrolls down.", "pagedown", "", "View", priority=True),
    Command(
        "models",
        "Models",
        "Chooses another model; downloads, removes, and says what fits.",
        "f3",
        "m",
        footer=9,
        everywhere=True,
    ),
    Command(
        "download",
        "Download",
        "Gets the model that suits this machine; pauses a download, and lets it go on.",
        "f4",
        "d",
    ),
    Command(
        "try_demo", "Try the demo", "Asks the demo one of the examples.", "f7", "y", priority=True
    ),
    Command(
        "settings",
        "Settings",
        "Sampling, thinking, prompts, appearance, keys.",
        "f2",
        "s",
        everywhere=True,
    ),
    Command(
        "editor",
        "Editor",
        "Opens what is typed in your own editor, which EDITOR or VISUAL names.",
        letter="ctrl+e",
    ),
    Command("theme", "Theme", "Changes the colours."),
    Command(
        "help",
        "Help",
        "All commands and their keys.",
        "f1,ctrl+question_mark",
        "h",
        footer=4,
        everywhere=True,
    ),
    Command(
        "palette",
        "Commands",
        "Finds a command by its name.",
        "ctrl+p",
        "p",
        footer=6,
        everywhere=True,
    ),
    Command(
        "interrupt",
        "Stop or leave",
        "Copies what is selected, else stops the answer, else empties the prompt; twice leaves.",
        "ctrl+c",
        priority=True,
        everywhere=True,
    ),
    Command(
        "quit",
        "Quit",
        "Leaves; everything is kept. So does Ctrl+D in the empty prompt.",
        "ctrl+q",
        "q",
        footer=5,
        everywhere=True,
        aliases=("exit", "bye"),
    ),
)
"""In the order in which they are shown."""

COMMANDS: Mapping[str, Command] = {command.id: command for command in TABLE}
"""By their ids."""
NAMES: Mapping[str, str] = {name: one.id for one in TABLE for name in (one.id, *one.aliases)}
"""Their ids, by what may be typed after a slash."""


def keys(command: Command, own: Mapping[str, str]) -> str:
    """The keys of a command where a person has chosen `own` ones."""
    return own.get(command.id, command.keys)


def shown(keys: str) -> str:
    """The first of these keys as people write it: `^g`, `F1`, `esc`; empty for none."""
    return " ".join(_key(key) for key in keys.split(",")[0].split())


_SHORT = {
    "escape": "esc",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "delete": "del",
    "backspace": "⌫",
    "enter": "⏎",
}


def _key(key: str) -> str:
    if key in _SHORT:
        return _SHORT[key]
    if key.startswith("ctrl+") and len(key) == len("ctrl+x"):
        return f"^{key[-1]}"
    if key.startswith("alt+"):
        return f"alt+{_key(key.removeprefix('alt+'))}"
    return key.upper() if key[:1] == "f" and key[1:].isdigit() else key
