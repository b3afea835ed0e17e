"""Log files that cannot fill the disk."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_KEPT = 8
"""Number of earlier children's logs that are kept."""


class BoundedLog:
    """A child's stderr: the beginning, and the newest bytes.

    At most ``limit`` bytes go into ``path``; when it is full it is renamed to ``path`` + ``.old``
    and a new one begins. Write errors are ignored: no child may die because of its log.
    """

    def __init__(self, path: Path, limit: int = 1 << 20) -> None:
        self.path = path
        self._limit = limit
        self._file: BinaryIO | None = None
        with suppress(OSError):
            self._file = self._opened()

    def write(self, data: bytes) -> None:
        """Append ``data`` (at most ``limit`` bytes) and make it visible to readers."""
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
        # Unbuffered: a buffer would keep what the disk rejected, and fail again.
        return self.path.open("wb", buffering=0)

    @property
    def _old(self) -> Path:
        return self.path.with_name(self.path.name + ".old")


def open_log(directory: Path, pid: int) -> BoundedLog:
    """Return a log for the child ``pid``, removing the oldest one if there are many."""
    for old in sorted(directory.glob("engine-*.log*"))[: -2 * _KEPT]:
        with suppress(OSError):
            old.unlink()
    return BoundedLog(directory / f"engine-{time.strftime('%Y%m%d-%H%M%S')}-{pid}.log")


@dataclass(frozen=True, slots=True)
class LogFile:
    """An existing log."""

    path: Path
    bytes: int
    modified: float
    """Seconds since the epoch."""


def logs_in(directory: Path) -> list[LogFile]:
    """Return the logs in a directory, the most recently written first."""
    found: list[LogFile] = []
    for path in directory.glob("engine-*.log*"):
        with suppress(OSError):  # an engine that ends removes its own
            status = path.stat()
            found.append(LogFile(path, status.st_size, status.st_mtime))
    return sorted(found, key=lambda log: log.modified, reverse=True)
