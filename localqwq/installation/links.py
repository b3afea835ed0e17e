"""The link that makes ``localqwq`` a command: ``~/.local/bin/localqwq``."""

import os
from pathlib import Path

from localqwq.errors import LocalqwqError

FOLDER = Path("~/.local/bin")


def link(program: Path, folder: Path = FOLDER) -> str:
    """Link ``program`` into ``folder`` and return a sentence on how to call it.

    Raises:
        LocalqwqError: something else has that name, or the folder cannot be written to.
    """
    place = folder.expanduser() / program.name
    if place.is_symlink() and place.readlink() == program:
        pass
    elif place.is_symlink() or place.exists():
        raise LocalqwqError(f"{place} already exists: remove it first, then link again.")
    else:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(program)
        except OSError as error:
            raise LocalqwqError(f"{place}: {error.strerror}.") from error
    if str(place.parent) in os.environ.get("PATH", "").split(os.pathsep):
        return f"{program.name} is a command now."
    return f'{place} is there; add its folder to PATH: export PATH="{place.parent}:$PATH".'


def unlink(program: Path, folder: Path = FOLDER) -> str:
    """Remove the link to ``program``, and nothing else; return a sentence about it."""
    place = folder.expanduser() / program.name
    if place.is_symlink() and place.readlink() == program:
        place.unlink()
        return f"{place} is removed."
    return f"{place} is not a link to {program}: nothing was removed."
