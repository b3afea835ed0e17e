"""Log files that cannot fill the disk."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_KEPT = 8
"""Logs of earlier children that stay in the directory."""


class BoundedLog:
    """What a child wrote to its stderr: the beginning, and the newest bytes.

    At most ``limit`` bytes go into ``path``; when it is full it becomes ``path`` + ``.old`` and
    a new one begins. What a disk does not take is left out: no child may die of its log.
    """

    def __init__(self, path: Path, limit: int = 1 << 20) -> None:
        self.path = path
        self._limit = limit
        self._file: BinaryIO | None = None
        with suppress(OSError):
            self._file = self._opened()

    def write(self, data: bytes) -> None:
        """Append ``data`` (bytes, at most ``limit`` of them) and make it visible to readers."""
        with suppress(OSError):
            if self._file is None:
                self._file = self._opened()
            if self._file.tell() + len(data) > self._limit:
                file, self._file = self._file, None
                file.close()
                self.path.replace(self._old)
                self._file = self._opened()
            self._file.write(data)

    def close(self, *, keep: bool) -> None:
        """Close the file, and remove it unless somebody may want to read it."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
            if not keep:
                self.path.unlink(missing_ok=True)
                self._old.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        # Without a buffer, which would keep what the disk did not take and fail again.
        return self.path.open("wb", buffering=0)

    @property
    def _old(self) -> Path:
        return self.path.with_name(self.path.name + ".old")


def open_log(directory: Path, pid: int) -> BoundedLog:
    """A log for the child ``pid``, in place of the oldest one when there are many."""
    for old in sorted(directory.glob("engine-*.log*"))[: -2 * _KEPT]:
        with suppress(OSError):
            old.unlink()
    return BoundedLog(directory / f"engine-{time.strftime('%Y%m%d-%H%M%S')}-{pid}.log")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log that is there."""

    path: Path
    bytes: int
    modified: float
    """Seconds since 1970."""


def logs_in(directory: Path) -> list[LogFile]:
    """Return the logs in a directory, the one written last first."""
    found: list[LogFile] = []
    for path in directory.glob("engine-*.log*"):
        with suppress(OSError):  # an engine that ends removes its own
            status = path.stat()
            found.append(LogFile(path, status.st_size, status.st_mtime))
    return sorted(found, key=lambda log: log.modified, reverse=True)
