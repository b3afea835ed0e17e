"""What a server may use, and the words in which a person reads it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from localqwq.agent.folders import Folder, opened_folder
from localqwq.agent.mcp.entries import Entry, expanded
from localqwq.agent.permission import Grant

NEAR = ("localhost", "127.0.0.1", "::1")
"""Names of this computer."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a server may use beyond what every program in the sandbox has."""

    network: bool = False
    folders: tuple[Folder, ...] = ()
    host: str = ""
    """Where it runs, if that is elsewhere: then this machine gives it nothing but its calls."""

    @property
    def changes_nothing(self) -> bool:
        """Whether it cannot change anything, whatever it says about itself."""
        return not (self.network or self.host or any(one.writable for one in self.folders))

    def in_words(self) -> str:
        """Return it as words that follow the server's name: ``may read /a, …``."""
        if self.host:
            is_near = urlsplit(self.host).hostname in NEAR
            if is_near:
                return f"runs on this computer at {self.host}, outside the sandbox"
            return f"runs elsewhere: what it gets leaves this computer for {self.host}"
        read = [str(one.path) for one in self.folders if not one.writable]
        write = [str(one.path) for one in self.folders if one.writable]
        parts = [
            *([f"may read {' and '.join(read)}"] if read else []),
            *([f"may read and change {' and '.join(write)}"] if write else []),
            "may use the network, which includes services of this computer"
            if self.network
            else "has no network",
        ]
        rest = "no other file" if self.folders else "no file"
        return f"runs in the sandbox: {', '.join(parts)}, and sees {rest} of yours"


def rights_of(entry: Entry, opened: Sequence[Folder] = ()) -> Rights:
    """Return what an entry asks for, and the folders ``opened`` for the conversation.

    Raises :class:`LocalqwqError` for a folder that does not exist or cannot be opened.
    """
    places = replace(entry, command="", arguments=(), environment={}, headers={})
    entry = expanded(places, os.environ)
    if entry.url:
        parts = urlsplit(entry.url)
        return Rights(host=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    own = [opened_folder(text) for text in entry.folders]
    if entry.cwd and not _within(entry.cwd, [*own, *opened]):
        own.append(opened_folder(entry.cwd))
    folders = {one.path: one for one in sorted([*own, *opened], key=lambda one: one.writable)}
    return Rights(entry.network, tuple(folders.values()))


def asked_in_words(entry: Entry) -> str:
    """Return what an entry asks a person to allow, in words; empty if it is nothing.

    Raises :class:`LocalqwqError` as :func:`rights_of` does.
    """
    return rights_of(entry).in_words() if grant_of(entry).values else ""


def grant_of(entry: Entry) -> Grant:
    """Return the permission that an entry needs for what it asks; any change of it needs another.

    Without values, none is needed.
    """
    origin = entry.origin()
    place = (entry.cwd,) if entry.cwd else ()
    fingerprint = hashlib.sha256("\0".join(origin).encode("utf-8", "surrogatepass")).hexdigest()
    return Grant(f"mcp:{entry.name}", fingerprint, (*entry.asked(), *place))


def _within(path: str, folders: Sequence[Folder]) -> bool:
    real = Path(path).expanduser().resolve()
    return any(real.is_relative_to(folder.path) for folder in folders)
