"""Locks of files, and a sentence where a file system has none, as many network drives."""

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
"""Seconds that a file system may take to say whether a lock is free."""
_PERIOD = 0.05
_WAY_OUT = "set LOCALQWQ_DATA_DIR to a folder on a disk of this machine"


def try_lock(handle: int, path: Path) -> bool:
    """Lock what is open, without waiting for whoever holds it; whether that worked.

    ``path`` is its name, for people. The lock goes with the handle. Raises
    :class:`~localqwq.errors.LocalqwqError`, within a second, where there are no locks.
    """
    return _try(lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB), path)


def lock(handle: int, path: Path) -> None:
    """The same, but waits for whoever holds it."""
    while not try_lock(handle, path):
        time.sleep(_PERIOD)


def check_locks(directory: Path) -> None:
    """See that SQLite's files in a folder can be locked: it would take none for one that is held.

    Its locks are those of ranges of bytes, and belong to a process and not to a handle: hence a
    file of its own. A folder that takes none is let pass. Raises
    :class:`~localqwq.errors.LocalqwqError`, within a second, where there are no locks.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".locks-", dir=directory)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            Path(name).unlink()  # at once, so that nothing stays of a process that is killed
        _try(lambda: fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB), directory)
    finally:
        os.close(handle)


def _try(take: Callable[[], None], path: Path) -> bool:
    """Call it in a thread: a drive whose lock service is gone may not answer for minutes."""
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
