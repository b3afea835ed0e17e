"""File locks, with a clear error on file systems without them, such as many network drives."""

import contextlib
import errno
import fcntl
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from localqwq.errors import no_locks

_HELD = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK}
_PATIENCE = 0.9
"""Seconds to wait for a file system to say whether a lock is free."""
_PERIOD = 0.05
_WAY_OUT = "set LOCALQWQ_DATA_DIR to a folder on a local disk"


def try_lock(handle: int, path: Path) -> bool:
    """Lock an open file without waiting; return whether that succeeded.

    ``path`` names the file in messages. The lock is released with the handle. Raises
    :class:`~localqwq.errors.LocalqwqError`, within a second, if the file system has no locks.
    """
    return _try(lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB), path)


def lock(handle: int, path: Path) -> None:
    """Lock an open file, waiting for whoever holds the lock."""
    while not try_lock(handle, path):
        time.sleep(_PERIOD)


def check_locks(directory: Path) -> None:
    """Check that SQLite's files in a folder can be locked.

    SQLite would treat a missing lock as a held one. It locks byte ranges, which belong to a process
    and not to a handle, so a separate file is tried. An unwritable folder passes. Raises
    :class:`~localqwq.errors.LocalqwqError`, within a second, if the file system has no locks.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".locks-", dir=directory)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            Path(name).unlink()  # at once, so that a killed process leaves nothing behind
        _try(lambda: fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB), directory)
    finally:
        os.close(handle)


def _try(take: Callable[[], None], path: Path) -> bool:
    """Call ``take`` in a thread: a drive whose lock service is gone may not respond for minutes."""
    answer: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            take()
        except OSError as error:
            answer.put(error)
        else:
            answer.put(None)

    threading.Thread(target=ask, name="lock", daemon=True).start()
    try:
        failure = answer.get(timeout=_PATIENCE)
    except queue.Empty:
        raise no_locks(path, _WAY_OUT) from None
    if failure is None:
        return True
    if failure.errno in _HELD:
        return False
    raise no_locks(path, _WAY_OUT) from failure
