"""What can be completed at the prompt's cursor: ``@file`` and ``/command``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from localqwq.locations import expanded

MOST = 8
"""Maximum number of proposals shown."""
_COMMAND = re.compile(r"/([a-z_]*)")
_CALL = re.compile(r"/([a-z_]+)(?:\s+(.*))?", re.DOTALL)
_FILE = re.compile(r'(?:^|(?<=[\s(]))@(?:"([^"\n]*)|([^\s"]*))$')


@dataclass(frozen=True, slots=True)
class Partial:
    """The beginning of a word before the cursor."""

    kind: Literal["file", "command"]
    start: int
    """Column of its first character, the ``@`` or the ``/``, in the cursor's line."""
    word: str
    """The part already typed, without that character and quotes."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One possible completion."""

    text: str
    """The replacement for the partial word, including its ``@`` or ``/``."""
    label: str
    detail: str = ""
    path: Path | None = None
    """The file to attach; None for a command or a folder, which are only inserted."""


def partial(before: str, *, first: bool) -> Partial | None:
    """Return the partial word at the end of ``before``, the cursor's line up to the cursor.

    ``first``: whether it is the prompt's first line; commands are typed nowhere else.
    """
    if first and (command := _COMMAND.fullmatch(before)):
        return Partial("command", 0, command[1])
    if file := _FILE.search(before):
        return Partial("file", file.start(), file[1] if file[1] is not None else file[2])
    return None


def call(text: str) -> tuple[str, str] | None:
    """Return the command and argument in a prompt like ``/theme dark``, if it is one.

    A path such as ``/etc/hosts`` is not a command, nor is text that begins with a space.
    """
    found = _CALL.fullmatch(text.rstrip())
    return (found[1], (found[2] or "").strip()) if found else None


def commands(word: str, known: Iterable[tuple[str, str]]) -> list[Proposal]:
    """Return commands by id and help: exact matches, then prefixes, then substrings."""
    found = [(id_, told) for id_, told in known if word in id_]
    found.sort(key=lambda command: (command[0] != word, not command[0].startswith(word)))
    return [Proposal(f"/{id_} ", f"/{id_}", told) for id_, told in found]


def files(word: str, folder: Path) -> list[Proposal]:
    """Return files and folders that begin like the word, folders first.

    Hidden ones only if the word asks for them. ``folder``: base of relative paths. Reads the
    directory; an unreadable one has nothing.
    """
    head, _, name = word.rpartition("/")
    base = expanded(f"{head}/" if head or word.startswith("/") else "")
    try:
        with os.scandir(folder / base) as entries:
            found = [
                (entry.is_dir(), entry.name)
                for entry in entries
                if entry.name.casefold().startswith(name.casefold())
                and (name.startswith(".") or not entry.name.startswith("."))
            ]
    except OSError:
        return []
    found.sort(key=lambda entry: (not entry[0], entry[1].casefold()))
    prefix = f"{head}/" if head or word.startswith("/") else ""
    return [_file(prefix, name, is_folder, folder / base) for is_folder, name in found]


def _file(prefix: str, name: str, is_folder: bool, base: Path) -> Proposal:
    path = f"{prefix}{name}"
    if is_folder:
        opened = f'@"{path}/' if " " in path else f"@{path}/"
        return Proposal(opened, f"{name}/", "folder")
    quoted = f'@"{path}" ' if " " in path else f"@{path} "
    return Proposal(quoted, name, "", base / name)
