"""The chunks of a download, and the journal of those that have arrived.

A line that names the content, lines with what servers call its version, and one line for each chunk
with the SHA-256 of the file up to its end. Lines are believed only where the file agrees with them
when the download goes on, so that neither lost writes nor torn lines can do harm. A chunk that a
crash has damaged is fetched again, and the sums of those behind it then hold as before.
"""

import re
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

_TITLE = "localqwq download 2 "
_LINE = re.compile(r"(\d{1,9}) (\d{1,9}) ([0-9a-f]{64})")
_VERSION = "version "
_LEAST, _MOST = 1 << 18, 1 << 24
_CHUNKS = 1024
"""Number of chunks of a file, unless they would be very small or large."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The beginning of a chunk, or all of it, that has arrived."""

    length: int
    """Length in bytes."""
    sha256: str
    """SHA-256 of the file up to there, in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """A file's bytes in chunks of one size, the last one possibly shorter."""

    total: int
    """Size of the file in bytes."""
    size: int
    """Size of a chunk in bytes."""

    @classmethod
    def of(cls, total: int) -> Self:
        """Return the chunks of a file of this size: a power of two from 256 KiB to 16 MiB."""
        size = _LEAST
        while size < _MOST and size * _CHUNKS < total:
            size *= 2
        return cls(total, size)

    @property
    def count(self) -> int:
        """The number of chunks."""
        return -(-self.total // self.size)

    def start(self, index: int) -> int:
        """Return the offset of a chunk; for the one after the last, the file's size."""
        return min(index * self.size, self.total)

    def length(self, index: int) -> int:
        """Return the bytes of a chunk."""
        return self.start(index + 1) - self.start(index)


class Journal:
    """The journal at ``path``; a context manager. The file stays until ``remove``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        self._file = FileIO(self._path, "a+")
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened().close()

    def read(self, identity: str, chunks: Chunks) -> dict[int, Chunk]:
        """Return the recorded chunks of this content; later lines win.

        Returns none if the journal is for other content.
        """
        self._opened().seek(0)
        text = self._opened().readall().decode("ascii", errors="replace")
        title, _, rest = text.partition("\n")
        if title != _title(identity):
            return {}
        found = {}
        for line in rest.split("\n")[:-1]:
            match = _LINE.fullmatch(line)
            index, length = (int(match[1]), int(match[2])) if match else (0, 0)
            if match and index < chunks.count and 0 < length <= chunks.length(index):
                found[index] = Chunk(length, match[3])
        return found

    def has_version(self, version: str) -> bool:
        """Return whether a server has given this version before; see ``add_version``."""
        self._opened().seek(0)
        lines = self._opened().readall().decode("ascii", errors="replace").split("\n")[1:-1]
        return _VERSION + _in_one_line(version) in lines

    def add_version(self, version: str) -> None:
        """Record a server's identifier of this content, such as an ETag."""
        self._append(f"\n{_VERSION}{_in_one_line(version)}\n")

    def begin(self, identity: str) -> None:
        """Start the journal of this content, replacing what is there."""
        self._opened().truncate(0)
        self._append(_title(identity) + "\n")

    def add(self, index: int, chunk: Chunk) -> None:
        """Record a chunk, or the beginning of one."""
        # On its own line even after a line torn by a crash.
        self._append(f"\n{index} {chunk.length} {chunk.sha256}\n")

    def _append(self, text: str) -> None:
        data = text.encode("ascii")
        while data:
            data = data[self._opened().write(data) :]

    def _opened(self) -> FileIO:
        if self._file is None:
            raise ValueError(f"{self._path} is not open")
        return self._file


def journal_path(partial: Path) -> Path:
    """Return the path of an unfinished file's journal."""
    return partial.with_name(f"{partial.name}.journal")


def _title(identity: str) -> str:
    return _TITLE + _in_one_line(identity)


def _in_one_line(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")
