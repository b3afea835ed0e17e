"""Complete copies of the store, taken while others may write to it."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from localqwq.conversations.store import Store
from localqwq.errors import LocalqwqError


def back_up(store: Store, target: Path) -> None:
    """Write a new file with everything in a store, including deleted conversations and drafts.

    Raises:
        LocalqwqError: the file exists, it cannot be written, or the store cannot be read. No file
            is left behind then.
    """
    if target.exists():
        raise LocalqwqError(f"{target} already exists; choose another name.")
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        _copy(store, part)
        part.rename(target)
    except OSError as error:
        raise LocalqwqError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _copy(store: Store, part: Path) -> None:
    try:
        copy = sqlite3.connect(part)
        try:
            store.copy_to(copy)
            # A single file, without a log beside it, can be copied anywhere.
            copy.execute("PRAGMA journal_mode = DELETE")
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            copy.close()
    except sqlite3.Error as error:
        raise LocalqwqError(
            f"The backup cannot be written to {part.parent} ({error}); check that there is room "
            "and that the folder is writable."
        ) from error
    if found != "ok":
        raise LocalqwqError(f"The store is damaged, and a copy would be too: {found}.")
