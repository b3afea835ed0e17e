"""The file that a download is written to, past the system's cache where that can be.

A model is larger than what the cache is for: writing it there costs a copy, pushes out what other
programs need, and piles up gigabytes that are to be written in the end.
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
"""Places, lengths and memory of direct writes are multiples of it (`man 2 open`, ``O_DIRECT``)."""


def aligned_memory(size: int) -> memoryview:
    """Memory that direct writes can take bytes from."""
    return memoryview(mmap.mmap(-1, size))


class Output:
    """A file that is made if it is not there; a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = FileIO(self._path, "r+" if self._path.exists() else "w+")
        self._direct: int | None = None
        write_past_cache(self._file.fileno())
        with contextlib.suppress(OSError):  # not on every file system
            if hasattr(os, "O_DIRECT"):
                self._direct = os.open(self._path, os.O_WRONLY | os.O_DIRECT)
        return self

    def __exit__(self, *_: object) -> None:
        self._end_direct()
        self._file.close()

    def read(self, size: int, at: int) -> bytes:
        """So many bytes from a place on, or fewer at the end of the file."""
        return os.pread(self._file.fileno(), size, at)

    def write(self, data: memoryview | bytes, at: int) -> int:
        """Put bytes at a place; says how many of them, which may be fewer.

        Memory from :func:`aligned_memory` can go directly from and to the same multiples.

        Raises:
            OSError: none can be written.
        """
        whole = len(data) - len(data) % ALIGNMENT
        if self._direct is not None and whole and not at % ALIGNMENT:
            try:
                return os.pwrite(self._direct, data[:whole], at)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._end_direct()  # it wants other multiples, or can it after all not
        return os.pwrite(self._file.fileno(), data[: -at % ALIGNMENT or len(data)], at)

    def truncate(self, size: int) -> None:
        """Have the file so long."""
        self._file.truncate(size)

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        sync(self._file.fileno())

    def _end_direct(self) -> None:
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None
