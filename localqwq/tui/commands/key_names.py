"""Checking the commands and keys under ``[keys]``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from textual.keys import KEY_NAME_REPLACEMENTS, Keys

from localqwq.tui.commands.table import COMMANDS, LEADER

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_NAMED = frozenset(key.value for key in Keys if key.value[:1] != "<")
_CHARACTERS = frozenset(KEY_NAME_REPLACEMENTS.values())


def key_problems(own: Mapping[str, str]) -> list[str]:
    """Return a sentence for each custom key that has no effect."""
    return [sentence for command, keys in own.items() for sentence in _problems(command, keys)]


def is_key(name: str) -> bool:
    """Return whether a key has this name, such as ``f2``, ``ctrl+shift+left``, ``alt+x``, ``?`` or
    ``plus``.
    """
    *modifiers, base = (name[:-1] + "plus" if name.endswith("+") else name).split("+")
    if not _MODIFIERS.issuperset(modifiers) or len(set(modifiers)) < len(modifiers):
        return False
    if base in _NAMED or base in _CHARACTERS or (len(base) == 1 and base.isprintable()):
        return not base.isspace()
    try:
        unicodedata.lookup(base.replace("_", " "))
    except KeyError:
        return False
    return base == base.lower()


def _problems(command: str, keys: str) -> Iterator[str]:
    if command not in COMMANDS:
        yield f"keys.{command}: there is no such command; /commands lists them."
        return
    for key in keys.split(","):
        if not is_key(key.strip().removeprefix(f"{LEADER} ")):
            yield (
                f"keys.{command}: there is no key {key.strip()!r}; write ctrl+y, alt+left, f2, "
                f"{LEADER} j or the like, with commas between several."
            )
