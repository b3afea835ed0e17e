"""The journal beside an unfinished output: what it is, and which tensors are written.

A line that identifies the output, then one line per finished tensor with the SHA-256 of its file up
to that tensor's end. When resuming, only lines that the file itself agrees with are trusted, so
lost writes and torn lines do no harm.
"""

import contextlib
import fcntl
import os
from io import FileIO
from pathlib import Path
from typing import Self

from localqwq.errors import LocalqwqError, no_locks
from localqwq_convert.partial import readable_errors

_TITLE = b"localqwq conversion 1 "
_DIGEST = 64
"""Hexadecimal digits of a SHA-256."""


class Journal:
    """A journal at ``path``, locked so that no second process creates the same output.

    A context manager that unlocks it on exit; the file stays unless ``remove`` was called.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        with readable_errors(self.path):
            self._file = _locked(self.path)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self) -> tuple[str, list[str]] | None:
        """Return the fingerprint of the output, and a SHA-256 for each finished tensor.

        ``None`` for an empty journal.
        """
        with readable_errors(self.path):
            self._opened().seek(0)
            content = self._opened().readall()
        title, end, rest = content.partition(b"\n")
        if not end or not title.startswith(_TITLE):
            return None
        lines = rest.split(b"\n")[:-1]
        count = next((n for n, line in enumerate(lines) if len(line) != _DIGEST), len(lines))
        digests = [line.decode("ascii", errors="replace") for line in lines[:count]]
        return title[len(_TITLE) :].decode("ascii", errors="replace"), digests

    def begin(self, fingerprint: str) -> None:
        """Start the journal of this output, replacing its content."""
        with readable_errors(self.path):
            self._opened().truncate(0)
        self._append(_TITLE + fingerprint.encode() + b"\n")

    def keep(self, fingerprint: str, tensors: int) -> None:
        """Keep only the first ``tensors`` entries that were read. Works on a full disk."""
        size = len(_TITLE + fingerprint.encode()) + 1 + tensors * (_DIGEST + 1)
        with readable_errors(self.path):
            self._opened().truncate(size)

    def add(self, digest: str) -> None:
        """Record that another tensor is written."""
        self._append(digest.encode() + b"\n")

    def remove(self) -> None:
        """Delete it while locked, so that it cannot be another process's."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _append(self, line: bytes) -> None:
        with readable_errors(self.path):
            while line:
                line = line[self._opened().write(line) :]

    def _opened(self) -> FileIO:
        if self._file is None:
            raise ValueError(f"{self.path} is not open")
        return self._file


def _locked(path: Path) -> FileIO:
    while True:
        file = FileIO(path, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise LocalqwqError(
                f"Another process is writing the files that {path} belongs to: wait for it, or "
                "choose another directory."
            ) from error
        except OSError as error:
            file.close()
            raise no_locks(path, "choose a directory on a local disk") from error
        # Between opening and locking, another process may have removed the locked file.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
