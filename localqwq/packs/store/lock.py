"""One writer at a time in a store, across processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localqwq.locks import lock, try_lock


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Wait for, then hold the directory's lock; a process that dies lets go of it.

    Raises :class:`~localqwq.errors.LocalqwqError` where the file system has no locks.
    """
    handle = os.open(directory, os.O_RDONLY)
    try:
        lock(handle, directory)
        yield
    finally:
        os.close(handle)


def take(directory: Path) -> int | None:
    """Take the directory's lock without waiting: a handle to close, or ``None`` if it is held.

    Raises :class:`~localqwq.errors.LocalqwqError` where the file system has no locks.
    """
    handle = os.open(directory, os.O_RDONLY)
    try:
        held = not try_lock(handle, directory)
    except BaseException:
        os.close(handle)
        raise
    if held:
        os.close(handle)
        return None
    return handle
