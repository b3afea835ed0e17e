"""The commands of plain mode."""

from __future__ import annotations

from collections.abc import Mapping

from localqwq.tui.commands.table import COMMANDS

HERE: Mapping[str, str] = {
    "help": "List these commands.",
    "exit": "Quit; everything is saved. So do /quit, /bye and Ctrl+D.",
    "stop": "Stop the answer and keep what is there. So does Ctrl+C.",
    "answer_now": COMMANDS["answer_now"].help,
    "think_longer": "Give the thought 2,048 more tokens, or the number that you name.",
    "think_on": COMMANDS["think_on"].help,
    "regenerate": COMMANDS["regenerate"].help,
    "vote": COMMANDS["vote"].help,
    "continue": COMMANDS["continue"].help,
    "edit": "Ask the text after the command instead of the last prompt.",
    "older": COMMANDS["older"].help,
    "newer": COMMANDS["newer"].help,
    "remove": COMMANDS["remove"].help,
    "undo": COMMANDS["undo"].help,
    "read": "Print the last prompt and its answer; with “all”, the whole conversation.",
    "thought": "Print the last thought.",
    "thoughts": "Turn printing of thoughts on or off.",
    "send": "Send a prompt that was saved but not answered.",
    "new": COMMANDS["new"].help,
    "temporary": COMMANDS["temporary"].help,
    "conversations": "List the newest conversations; with words, those that contain them.",
    "open": "Open the conversation with this number.",
    "tools": "List tools, folders and permissions; with names, choose the tools.",
    "folder": COMMANDS["folder"].help,
    "withdraw": "Withdraw the permission with this number, as /tools lists them.",
    "context": "Show how much of the context is used.",
    "model": "Switch to the model that you name.",
}
"""Help by command name, in display order."""

AT_ONCE = frozenset(
    {"stop", "answer_now", "think_longer", "help", "thoughts", "thought", "context"}
)
"""Commands that do not wait for earlier input."""
SYNONYMS: Mapping[str, str] = {"quit": "exit", "bye": "exit"}


def help_lines() -> list[str]:
    """Return one line per command."""
    return [f"/{name}: {told}" for name, told in HERE.items()]


def named(command: str) -> str | None:
    """Return the command with that name; None if there is none here."""
    command = SYNONYMS.get(command, command)
    return command if command in HERE else None


def unknown(command: str) -> str:
    """Return a sentence about an unknown command."""
    if command in COMMANDS:
        return f"/{command} needs the app's screen. /help lists the commands of plain mode."
    return f"There is no command /{command}. To send the line as it is, put a space before it."
