"""Syncing files to the disk.

``fsync`` does so on Linux. On macOS it only hands the bytes to the drive, which may keep them in
its cache and write them in any order; ``F_FULLFSYNC`` waits for the drive (fcntl(2)). SQLite has
the same choice as ``PRAGMA fullfsync``.
"""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def sync(descriptor: int) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises:
        OSError: they cannot be written.
    """
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        # Not every file system on macOS supports it; its manual recommends fsync then.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, full)
            return
    os.fsync(descriptor)


def sync_database(connection: "sqlite3.Connection") -> None:
    """Make SQLite sync as :func:`sync` does; no effect where the system has no such call."""
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")


def write_past_cache(descriptor: int) -> None:
    """Ask the system not to cache what is written to this file, on macOS."""
    past = getattr(fcntl, "F_NOCACHE", None)
    if past is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, past, 1)


def replace_text(path: Path, text: str) -> None:
    """Write a file that only its owner may read, at once: nobody ever sees half of it.

    A link is kept, and its target replaced. Raises OSError.
    """
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            sync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
