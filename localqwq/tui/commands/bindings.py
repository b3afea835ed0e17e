"""Textual bindings for the commands' keys."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from localqwq.tui.commands.table import LEADER, TABLE, Command, shown


def bindings() -> list[BindingType]:
    """Return the keys of all commands, the footer's first; ``App.set_keymap`` changes them by
    id.
    """
    ordered = sorted(TABLE, key=lambda command: command.footer or len(TABLE))
    return [*(_binding(command) for command in ordered if command.keys), *_letters(TABLE)]


def bindings_everywhere() -> list[BindingType]:
    """Return the keys of the commands that also work on pages above the chat."""
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
    """Yield the keys after the leader; they are fixed, whatever other keys a person chose."""
    for command in commands:
        if command.letter:
            keys = f"{LEADER} {command.letter}"
            yield Binding(keys, command.action, command.title, show=False, priority=True)
