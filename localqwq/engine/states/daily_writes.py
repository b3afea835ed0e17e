"""The bytes written in a day, counted over processes and restarts."""

import contextlib
import os
import re
import time
from array import array
from collections.abc import Callable
from pathlib import Path

_NAME = re.compile(r"\.written-[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_RECORD_BYTES = 8


def today() -> str:
    """Return the present day in UTC, such as ``2026-11-30``."""
    return time.strftime("%Y-%m-%d", time.gmtime())


class DailyWrites:
    """A file in a directory to which each process appends what it writes.

    Eight bytes a record, which the system appends as a whole: no lock is needed.
    """

    def __init__(self, directory: Path, limit: int, day: Callable[[], str] = today) -> None:
        """Set up; ``limit``: bytes in a day."""
        self._directory = directory
        self._limit = limit
        self._day = day

    def left(self) -> int:
        """Return the bytes that may still be written today, at least 0."""
        with contextlib.suppress(OSError):
            handle = os.open(self._path(), _FLAGS & ~os.O_CREAT)
            with os.fdopen(handle, "rb") as stream:
                records = stream.read()
            whole = len(records) - len(records) % _RECORD_BYTES
            return max(0, self._limit - sum(array("q", records[:whole])))
        return self._limit

    def add(self, size: int) -> None:
        """Count bytes that are about to be written.

        Raises:
            OSError: they cannot be counted.
        """
        handle = os.open(self._path(), _FLAGS, 0o600)
        try:
            os.write(handle, array("q", [size]).tobytes())
        finally:
            os.close(handle)

    def clean(self) -> None:
        """Remove the counts of other days."""
        with contextlib.suppress(OSError):
            for path in self._directory.iterdir():
                if _NAME.fullmatch(path.name) and path != self._path():
                    path.unlink()

    def _path(self) -> Path:
        return self._directory / f".written-{self._day()}"
