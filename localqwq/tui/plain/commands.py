"""The commands of the chat without a screen."""

from __future__ import annotations

from collections.abc import Mapping

from localqwq.tui.commands.table import COMMANDS

HERE: Mapping[str, str] = {
    "help": "Lists these commands.",
    "exit": "Leaves; everything is kept. So do /quit, /bye and Ctrl+D.",
    "stop": "Ends the answer; what is there is kept. So does Ctrl+C.",
    "answer_now": COMMANDS["answer_now"].help,
    "think_longer": "Gives the thought 2,048 tokens more, or as many as you name.",
    "think_on": COMMANDS["think_on"].help,
    "regenerate": COMMANDS["regenerate"].help,
    "continue": COMMANDS["continue"].help,
    "edit": "Asks what you write behind it in the place of the last prompt.",
    "older": COMMANDS["older"].help,
    "newer": COMMANDS["newer"].help,
    "remove": COMMANDS["remove"].help,
    "undo": COMMANDS["undo"].help,
    "read": "Reads the last prompt and its answer; with “all”, the whole conversation.",
    "thought": "Reads the last thought.",
    "thoughts": "Has thoughts read out as they come, or no longer.",
    "send": "Sends a prompt that was kept and not answered.",
    "new": COMMANDS["new"].help,
    "temporary": COMMANDS["temporary"].help,
    "conversations": "Lists the newest conversations; with words, those in which they are.",
    "open": "Opens the conversation whose number you name.",
    "context": "Says how much of the context is used.",
    "model": "Goes on with the model that you name.",
}
"""By their names, in the order in which they are listed."""

AT_ONCE = frozenset(
    {"stop", "answer_now", "think_longer", "help", "thoughts", "thought", "context"}
)
"""These do not wait for what was typed before."""
SYNONYMS: Mapping[str, str] = {"quit": "exit", "bye": "exit"}


def help_lines() -> list[str]:
    """All of them, a line for each."""
    return [f"/{name}: {told}" for name, told in HERE.items()]


def named(command: str) -> str | None:
    """The command of that name; None where there is none here."""
    command = SYNONYMS.get(command, command)
    return command if command in HERE else None


def unknown(command: str) -> str:
    """A sentence about a command that is none."""
    if command in COMMANDS:
        return f"/{command} needs the app's screen. /help lists what there is without one."
    return f"There is no command /{command}. With a space before it, the line is sent as it is."
