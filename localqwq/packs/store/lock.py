"""Allowing one writer at a time in a store, across processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localqwq.locks import lock, try_lock


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Wait for the directory's lock and hold it; it is released if the process dies.

    Raises :class:`~localqwq.errors.LocalqwqError` if the file system has no locks.
    """
    handle = os.open(directory, os.O_RDONLY)
    try:
        lock(handle, directory)
        yield
    finally:
        os.close(handle)


def take(directory: Path) -> int | None:
    """Take the directory's lock without waiting; return a handle to close, or ``None``.

    Raises :class:`~localqwq.errors.LocalqwqError` if the file system has no locks.
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
