"""Everything that can be done in the app: one table, of which keys, palette, help and `/commands`
are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType
from textual.keys import format_key

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
    group: Group = "App"
    footer: int = 0
    """Its place in the line of keys below the prompt; 0 for none."""
    short: str = ""
    """Its name there, where the title is long."""
    priority: bool = False
    """Whether the key does it even where the focused widget has a use for it."""

    @property
    def action(self) -> str:
        """The action of the chat's screen."""
        return f"command({self.id!r})"


TABLE: tuple[Command, ...] = (
    Command(
        "stop", "Stop", "Ends the answer; what is there is kept.", "escape", "Answer", footer=1
    ),
    Command(
        "answer_now",
        "Answer now",
        "Has the thought end with its next sentence, and the answer begin.",
        "ctrl+g",
        "Answer",
        footer=2,
    ),
    Command(
        "think_longer",
        "Think longer",
        "Gives the thought 2,048 tokens more, or takes back “Answer now”.",
        "ctrl+l",
        "Answer",
        footer=3,
        short="Longer",
    ),
    Command("think_on", "Think on", "Has a thought that has ended go on.", "ctrl+l", "Answer"),
    Command("regenerate", "Regenerate", "Answers the last prompt once more.", "ctrl+r", "Answer"),
    Command(
        "continue",
        "Continue",
        "Has an answer that was stopped or cut off go on where it ended.",
        "f8",
        "Answer",
    ),
    Command("edit", "Edit prompt", "Changes the last prompt; it is asked anew.", "f9", "Turns"),
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
    Command("older", "Older branch", "Shows the branch before this one.", "alt+left", "Turns"),
    Command("newer", "Newer branch", "Shows the branch after this one.", "alt+right", "Turns"),
    Command("copy", "Copy answer", "Copies the last answer as it was written.", "f10", "Turns"),
    Command("copy_thought", "Copy thought", "Copies the last thought.", group="Turns"),
    Command("remove", "Remove turn", "Takes the last prompt and its answer away.", group="Turns"),
    Command("undo", "Undo removal", "Brings back what was removed last.", group="Turns"),
    Command("new", "New", "Begins a new conversation.", "ctrl+n", "Conversations", footer=6),
    Command(
        "temporary",
        "Temporary",
        "Begins a conversation of which nothing is stored.",
        group="Conversations",
    ),
    Command(
        "conversations",
        "Conversations",
        "Lists and searches all of them; renames, pins, deletes, exports, imports.",
        "ctrl+o",
        "Conversations",
        footer=7,
        short="Open",
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
        "Shows of all thoughts their last lines, all, or only that they are there.",
        "ctrl+t",
        "View",
        footer=8,
    ),
    Command("context", "Context", "Says what fills the context, and what is free.", "f5", "View"),
    Command(
        "turns",
        "Turns",
        "Goes to the transcript, where keys do things with single turns, and back.",
        "f6",
        "View",
        priority=True,
    ),
    Command("pageup", "Page up", "Scrolls up.", "pageup", "View", priority=True),
    Command("pagedown", "Page down", "Scrolls down.", "pagedown", "View", priority=True),
    Command(
        "models",
        "Models",
        "Chooses another model; downloads, removes, and says what fits.",
        "f3",
        "App",
        footer=9,
    ),
    Command(
        "download",
        "Download",
        "Gets the model that suits this machine; pauses a download, and lets it go on.",
        "f4",
        "App",
    ),
    Command(
        "try_demo",
        "Try the demo",
        "Asks the demo one of the examples.",
        "f7",
        "App",
        priority=True,
    ),
    Command("settings", "Settings", "Sampling, thinking, prompts, appearance, keys.", "f2", "App"),
    Command("theme", "Theme", "Changes the colours.", group="App"),
    Command(
        "help", "Help", "All commands and their keys.", "f1,ctrl+question_mark", "App", footer=4
    ),
    Command(
        "palette",
        "Commands",
        "Finds a command by its name.",
        "ctrl+p",
        "App",
        footer=5,
        priority=True,
    ),
    Command("quit", "Quit", "Leaves; everything is kept.", "ctrl+q", "App", priority=True),
)
"""In the order in which they are shown."""

COMMANDS: Mapping[str, Command] = {command.id: command for command in TABLE}
"""By their ids."""


def bindings() -> list[BindingType]:
    """The keys of all commands, those of the footer first; `App.set_keymap` changes them by id."""
    return [
        Binding(
            command.keys,
            command.action,
            command.short or command.title,
            show=bool(command.footer),
            key_display=shown(command.keys),
            priority=command.priority,
            id=command.id,
            tooltip=command.help,
        )
        for command in sorted(TABLE, key=lambda command: command.footer or len(TABLE))
        if command.keys
    ]


def keys(command: Command, own: Mapping[str, str]) -> str:
    """The keys of a command where a person has chosen `own` ones."""
    return own.get(command.id, command.keys)


def shown(keys: str) -> str:
    """The first of these keys as people write it: `^g`, `F1`, `esc`; empty for none."""
    first = keys.split(",")[0]
    names = {"escape": "esc", "pageup": "PgUp", "pagedown": "PgDn"}
    if first in names:
        return names[first]
    if first.startswith("ctrl+") and len(first) == len("ctrl+x"):
        return f"^{first[-1]}"
    if first.startswith("alt+"):
        return f"alt+{format_key(first.removeprefix('alt+'))}"
    return first.upper() if first[:1] == "f" and first[1:].isdigit() else first
