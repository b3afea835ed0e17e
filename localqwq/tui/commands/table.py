"""All commands of the app, in one table for keys, palette, help and ``/commands``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LEADER = "ctrl+x"
"""The key before letters that are commands; with selected text, it cuts the text."""

LEAVING = ("interrupt", "quit")
"""Commands that wait for nothing."""

Group = Literal["Answer", "Turns", "Conversations", "View", "App"]


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    id: str
    """Its name in the settings, as in ``keys.answer_now = "ctrl+g"``, and in the prompt:
    ``/answer_now``.
    """
    title: str
    """About two words, for the footer and the palette."""
    help: str
    keys: str = ""
    """Its keys by Textual's names, separated by commas; empty for none."""
    letter: str = ""
    """The key for it after ``LEADER``: laptops and multiplexers reserve some keys."""
    group: Group = "App"
    footer: int = 0
    """Its position in the line of keys below the prompt; 0 for none."""
    short: str = ""
    """Its name there, if the title is long."""
    priority: bool = False
    """Whether the key has priority over the focused widget."""
    everywhere: bool = False
    """Whether its keys also work on the pages above the chat."""
    aliases: tuple[str, ...] = ()
    """Its names in other programs, for the prompt."""

    @property
    def action(self) -> str:
        """Textual's action: the app quits, the chat's screen does everything else."""
        return f"app.{self.id}" if self.id in LEAVING else f"command({self.id!r})"


TABLE: tuple[Command, ...] = (
    Command(
        "stop", "Stop", "Stop the answer and keep what is there.", "escape", "", "Answer", footer=1
    ),
    Command(
        "answer_now",
        "Answer now",
        "End the thought at its next sentence and start the answer.",
        "ctrl+g",
        group="Answer",
        footer=2,
    ),
    Command(
        "think_longer",
        "Think longer",
        "Give the thought 2,048 more tokens, or undo “Answer now”.",
        "ctrl+l",
        group="Answer",
        footer=3,
        short="Longer",
    ),
    Command("think_on", "Think on", "Continue a thought that has ended.", "ctrl+l", "", "Answer"),
    Command("regenerate", "Regenerate", "Answer the last prompt again.", "ctrl+r", "", "Answer"),
    Command(
        "vote",
        "Vote",
        "Answer the last prompt 5 times (/vote N: N times); keep the answer that most agree on.",
        group="Answer",
    ),
    Command(
        "continue",
        "Continue",
        "Continue an answer that was stopped or cut off.",
        "f8",
        "g",
        "Answer",
    ),
    Command("edit", "Edit prompt", "Change the last prompt and ask it again.", "f9", "e", "Turns"),
    Command(
        "edit_thought",
        "Edit thought",
        "Change the last thought; the model continues from there.",
        group="Turns",
    ),
    Command(
        "edit_answer",
        "Edit answer",
        "Change the last answer; the model continues from there.",
        group="Turns",
    ),
    Command("older", "Older branch", "Show the previous branch.", "alt+left", "", "Turns"),
    Command("newer", "Newer branch", "Show the next branch.", "alt+right", "", "Turns"),
    Command(
        "copy", "Copy answer", "Copy the last answer as the model wrote it.", "f10", "c", "Turns"
    ),
    Command("copy_thought", "Copy thought", "Copy the last thought.", group="Turns"),
    Command(
        "remove",
        "Remove turn",
        "Remove the last prompt and its answer.",
        letter="backspace",
        group="Turns",
    ),
    Command("undo", "Undo removal", "Restore what was removed last.", "", "u", "Turns"),
    Command("new", "New", "Start a new conversation.", "ctrl+n", "n", "Conversations", footer=7),
    Command(
        "temporary",
        "Temporary",
        "Start a conversation that is not stored.",
        letter="w",
        group="Conversations",
    ),
    Command(
        "conversations",
        "Conversations",
        "List, search, rename, pin, delete, export and import conversations.",
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
        "Sampling, thinking and prompts for this conversation only.",
        group="Conversations",
    ),
    Command(
        "thoughts",
        "Thoughts",
        "Switch thoughts between last lines, full text and hidden.",
        "ctrl+t",
        group="View",
    ),
    Command(
        "context",
        "Context",
        "Show what fills the context, and what is free.",
        "f5",
        "x",
        "View",
        everywhere=True,
    ),
    Command(
        "turns",
        "Turns",
        "Go to the transcript, where keys act on single turns, or back.",
        "f6",
        "t",
        "View",
        priority=True,
    ),
    Command(
        "latest",
        "To the end",
        "Go to the newest text and follow it.",
        "ctrl+end",
        "l",
        "View",
        priority=True,
    ),
    Command("pageup", "Page up", "Scroll up.", "pageup", "", "View", priority=True),
    Command("pagedown", "Page down", "Scroll down.", "pagedown", "", "View", priority=True),
    Command(
        "tools",
        "Tools",
        "Choose the tools that the model may call; see folders, permissions and the sandbox.",
        "f12",
        "f",
        "Conversations",
        everywhere=True,
    ),
    Command(
        "folder",
        "Open folder",
        "Open a folder for tools: /folder PATH to read, /folder PATH:rw to write.",
        group="Conversations",
    ),
    Command(
        "models",
        "Models",
        "Choose, download or remove a model, and see what fits.",
        "f3",
        "m",
        footer=9,
        everywhere=True,
    ),
    Command(
        "download",
        "Download",
        "Download the model that suits this machine; pause or resume a download.",
        "f4",
        "d",
    ),
    Command(
        "by_hand",
        "By hand",
        "Choose layers, devices, context and more for this model, and see the resulting plan.",
        letter="b",
        aliases=("plan",),
    ),
    Command(
        "try_demo", "Try the demo", "Ask the demo one of the examples.", "f7", "y", priority=True
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
        "Edit the prompt in your own editor (EDITOR or VISUAL).",
        letter="ctrl+e",
    ),
    Command("theme", "Theme", "Change the colours."),
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
        "Find a command by name.",
        "ctrl+p",
        "p",
        footer=6,
        everywhere=True,
    ),
    Command(
        "interrupt",
        "Stop or leave",
        "Copy the selection, else stop the answer, else clear the prompt; twice quits.",
        "ctrl+c",
        priority=True,
        everywhere=True,
    ),
    Command(
        "quit",
        "Quit",
        "Quit; everything is saved. Ctrl+D in an empty prompt does the same.",
        "ctrl+q",
        "q",
        footer=5,
        everywhere=True,
        aliases=("exit", "bye"),
    ),
)
"""Commands in display order."""

COMMANDS: Mapping[str, Command] = {command.id: command for command in TABLE}
"""Commands by id."""
NAMES: Mapping[str, str] = {name: one.id for one in TABLE for name in (one.id, *one.aliases)}
"""Ids by the names that may be typed after a slash."""


def keys(command: Command, own: Mapping[str, str]) -> str:
    """Return the keys of a command, considering a person's ``own`` ones."""
    return own.get(command.id, command.keys)


def shown(keys: str) -> str:
    """Return the first of these keys as people write it: ``^g``, ``F1``, ``esc``; empty for
    none.
    """
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
