"""A file of records of one size, each with its checksum: what a kill cut off is written again."""

import contextlib
import fcntl
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from localqwq.errors import FileProblem, LocalqwqError

_HEADER = 256
"""Bytes of the identity at the start."""
_SUM = 4


class Records:
    """Records of ``size`` bytes in a file that belongs to ``identity``; a context manager.

    A file of something else is emptied. Nobody else can write it meanwhile.
    """

    def __init__(self, path: Path, identity: str, size: int) -> None:
        self._path, self._size = path, size
        self._title = identity.encode().ljust(_HEADER - 1)[: _HEADER - 1] + b"\n"
        self._file = -1
        self._count = 0

    def __enter__(self) -> Self:
        with self._readable():
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalqwqError(
                    "Another process measures the same model on the same text: wait for it."
                ) from None
            if os.pread(self._file, _HEADER, 0) != self._title:
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, self._title, 0)
            self._count = (os.fstat(self._file).st_size - _HEADER) // self._step
            while self._count and self._read(self._count - 1) is None:
                self._count -= 1
            os.ftruncate(self._file, self._at(self._count))
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        for index in range(self._count):
            yield self[index]

    def __getitem__(self, index: int) -> bytes:
        with self._readable():
            data = self._read(index)
        if data is None:
            raise FileProblem(self._path, "is damaged: delete it, and it is made again.")
        return data

    def append(self, record: bytes) -> None:
        """Write one more record.

        Raises:
            LocalqwqError: it cannot be written.
        """
        data = record + zlib.crc32(record).to_bytes(_SUM, "little")
        with self._readable():
            at = self._at(self._count)
            while data:
                written = os.pwrite(self._file, data, at)
                data, at = data[written:], at + written
        self._count += 1

    @property
    def _step(self) -> int:
        return self._size + _SUM

    def _at(self, index: int) -> int:
        return _HEADER + index * self._step

    def _read(self, index: int) -> bytes | None:
        """Return a record; None if it is not what was written."""
        data = os.pread(self._file, self._step, self._at(index))
        record, found = data[: self._size], data[self._size :]
        return record if found == zlib.crc32(record).to_bytes(_SUM, "little") else None

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FileProblem(
                self._path, f"cannot be written: {error.strerror or error}."
            ) from error
