"""A file written under a hidden name, and visible under its own once complete."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from localqwq.durable import sync
from localqwq.errors import LocalqwqError

_WRITE_BEHIND = 16 << 20
"""Bytes after which the system is told to start writing to the disk."""


class PartialFile:
    """Bytes on their way to ``path``, in ``.<name>.partial`` beside it, and their SHA-256."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hidden = hidden_path(path)
        self._digest = hashlib.sha256()
        self._file: FileIO | None = None
        self._behind = 0
        """Offset of the bytes not yet handed to the disk."""

    @property
    def sha256(self) -> str:
        """SHA-256 of everything written so far, in hexadecimal."""
        return self._digest.hexdigest()

    def create(self) -> None:
        """Start empty, discarding what a killed process left."""
        with readable_errors(self.hidden):
            self._file = FileIO(self.hidden, "w")

    def reopen(self, size: int, digest: "hashlib._Hash") -> None:
        """Continue after the first ``size`` bytes, whose SHA-256 is ``digest``."""
        with readable_errors(self.hidden):
            self._file = FileIO(self.hidden, "r+")
            self._file.truncate(size)
            self._behind = self._file.seek(size)
        self._digest = digest

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``.

        Raises:
            LocalqwqError: the disk is full, or the file cannot be written.
        """
        if self._file is None:
            raise ValueError(f"{self.hidden} is not open")
        view = memoryview(data).cast("B")
        self._digest.update(view)
        with readable_errors(self.hidden):
            while view:
                view = view[self._file.write(view) :]
            if self._file.tell() - self._behind >= _WRITE_BEHIND:
                self._write_behind(self._file)

    def close(self) -> None:
        """Close the file as it is."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def sync(self) -> None:
        """Wait until everything is on the disk; the file need not be open."""
        with readable_errors(self.hidden), FileIO(self.hidden) as file:
            sync(file.fileno())

    def publish(self) -> None:
        """Give the file its final name, replacing an existing one."""
        with readable_errors(self.path):
            self.hidden.replace(self.path)

    def _write_behind(self, file: FileIO) -> None:
        # Otherwise the system lets gigabytes pile up, and syncing waits for them. Linux starts to
        # write pages that it is told to drop, and keeps them until then.
        if hasattr(os, "posix_fadvise"):
            length = file.tell() - self._behind
            os.posix_fadvise(file.fileno(), self._behind, length, os.POSIX_FADV_DONTNEED)
        self._behind = file.tell()


def hidden_path(path: Path) -> Path:
    """Return the hidden path of an unfinished file."""
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors into a readable one."""
    try:
        yield
    except OSError as error:
        raise LocalqwqError(f"Cannot write {path}: {error.strerror or error}.") from error
