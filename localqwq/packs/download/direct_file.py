"""The file that a download is written to, bypassing the system's cache if possible.

A model is larger than the cache is good for: writing through it costs a copy, evicts the data of
other programs, and piles up gigabytes that must be written in the end.
"""

import contextlib
import errno
import mmap
import os
from io import FileIO
from pathlib import Path
from typing import Self

from localqwq.durable import sync, write_past_cache

ALIGNMENT = 4096
"""Offsets, lengths and memory of direct writes are multiples of this (``man 2 open``,
``O_DIRECT``).
"""


def aligned_memory(size: int) -> memoryview:
    """Return memory that can be used for direct writes."""
    return memoryview(mmap.mmap(-1, size))


class Output:
    """A file that is created if needed; a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = FileIO(self._path, "r+" if self._path.exists() else "w+")
        self._direct: int | None = None
        write_past_cache(self._file.fileno())
        with contextlib.suppress(OSError):  # not supported on every file system
            if hasattr(os, "O_DIRECT"):
                self._direct = os.open(self._path, os.O_WRONLY | os.O_DIRECT)
        return self

    def __exit__(self, *_: object) -> None:
        self._end_direct()
        self._file.close()

    def read(self, size: int, at: int) -> bytes:
        """Return ``size`` bytes from offset ``at``, or fewer at the end of the file."""
        return os.pread(self._file.fileno(), size, at)

    def write(self, data: memoryview | bytes, at: int) -> int:
        """Write bytes at an offset and return how many were written, which may be fewer.

        Memory from :func:`aligned_memory` can be written directly, from and to the same multiples.

        Raises:
            OSError: nothing can be written.
        """
        whole = len(data) - len(data) % ALIGNMENT
        if self._direct is not None and whole and not at % ALIGNMENT:
            try:
                return os.pwrite(self._direct, data[:whole], at)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._end_direct()  # another alignment is needed, or it is unsupported
        return os.pwrite(self._file.fileno(), data[: -at % ALIGNMENT or len(data)], at)

    def truncate(self, size: int) -> None:
        """Set the file's length."""
        self._file.truncate(size)

    def sync(self) -> None:
        """Wait until the whole file is on the disk."""
        sync(self._file.fileno())

    def _end_direct(self) -> None:
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None
