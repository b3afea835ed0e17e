"""The keys of the commands, as Textual binds them."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from localqwq.tui.commands.table import LEADER, TABLE, Command, shown


def bindings() -> list[BindingType]:
    """The keys of all commands, those of the footer first; `App.set_keymap` changes them by id."""
    ordered = sorted(TABLE, key=lambda command: command.footer or len(TABLE))
    return [*(_binding(command) for command in ordered if command.keys), *_letters(TABLE)]


def bindings_everywhere() -> list[BindingType]:
    """The keys of the commands that are done in the pages above the chat, too."""
    commands = [command for command in TABLE if command.everywhere]
    return [*map(_binding, commands), *_letters(commands)]


def _binding(command: Command) -> Binding:
    return Binding(
        command.keys,
        command.action,
        command.short or command.title,
        show=bool(command.footer),
        key_display=shown(command.keys),
        priority=command.priority or command.everywhere,
        id=command.id,
        tooltip=command.help,
    )


def _letters(commands: Iterable[Command]) -> Iterable[Binding]:
    """The keys after the leader; they stay what they are, whatever other keys a person chose."""
    for command in commands:
        if command.letter:
            keys = f"{LEADER} {command.letter}"
            yield Binding(keys, command.action, command.title, show=False, priority=True)
