"""A file that appears under its name only once it is complete."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from localqwq.errors import LocalqwqError


class PartialFile:
    """Writes to ``.<name>.partial`` beside ``path``; :meth:`commit` gives it its name.

    A context manager: whatever was not committed by its end is removed. The lock keeps a second
    process from writing the same file; what a killed process left behind is written over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._digest = hashlib.sha256()
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        with _readable(self._partial):
            self._file = _locked(self._partial)
            self._file.truncate(0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            # Removed while still locked, so that it cannot be another process's file.
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)
            self._file.close()

    @property
    def sha256(self) -> str:
        """SHA-256 of everything written so far, in hexadecimal."""
        return self._digest.hexdigest()

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``.

        Raises:
            LocalqwqError: the disk is full, or the file cannot be written.
        """
        view = memoryview(data).cast("B")
        self._digest.update(view)
        file = self._opened()
        with _readable(self._partial):
            while view:
                view = view[file.write(view) :]

    def flush(self) -> None:
        """Wait until everything is on the disk."""
        with _readable(self._partial):
            os.fsync(self._opened().fileno())

    def commit(self) -> None:
        """Give the file its final name, in place of any file that has it."""
        with _readable(self.path):
            self._partial.replace(self.path)
        self._opened().close()
        self._file = None

    def _opened(self) -> FileIO:
        if self._file is None:
            raise ValueError(f"{self._partial} is not open")
        return self._file


def _locked(path: Path) -> FileIO:
    while True:
        file = FileIO(path, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise LocalqwqError(
                f"Another process is writing {path}: wait for it, or choose another directory."
            ) from error
        # Between opening and locking, another process may have renamed the file that is locked.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns the system's errors into a sentence."""
    try:
        yield
    except OSError as error:
        raise LocalqwqError(f"Cannot write {path}: {error.strerror or error}.") from error
