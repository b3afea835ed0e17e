"""Files mapped into memory, read and released piece by piece."""

import contextlib
import mmap
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError

_NEIGHBOURHOOD = 1 << 16
"""Bytes around a page that Linux maps along with it (``fault_around_bytes``)."""


class MappedFiles:
    """Read-only maps by path; thread-safe for reading."""

    def __init__(self) -> None:
        self._maps: dict[Path, mmap.mmap] = {}

    def map(self, paths: Iterable[Path]) -> None:
        """Map files that are not mapped yet; nothing is read.

        Raises:
            LocalqwqError: a file cannot be opened.
        """
        for path in set(paths) - self._maps.keys():
            try:
                with path.open("rb") as stream:
                    self._maps[path] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise LocalqwqError(f"Cannot read {path}: {reason}.") from error

    def close(self) -> None:
        """Unmap everything."""
        for mapped in self._maps.values():
            # After a failure a traceback may still hold views; the map is freed with the last of
            # them.
            with contextlib.suppress(BufferError):
                mapped.close()
        self._maps.clear()

    def view(
        self, path: Path, dtype: np.dtype[np.generic], count: int, offset: int
    ) -> NDArray[np.generic]:
        """Return ``count`` values from ``offset`` on, without a copy."""
        return np.frombuffer(self._maps[path], dtype=dtype, count=count, offset=offset)

    def prefetch(self, path: Path, offset: int, size: int) -> None:
        """Make the system read these bytes from the disk, without waiting."""
        first, length = _pages(offset, size)
        self._maps[path].madvise(mmap.MADV_WILLNEED, first, length)

    def release(self, path: Path, offset: int, size: int) -> None:
        """Let the system drop the pages of these bytes, so that memory use does not grow.

        Neighbouring pages are dropped too: the system maps some around every page that is read, and
        nothing else would drop them. If still needed, they are mapped again.
        """
        first, length = _pages(offset, size, margin=_NEIGHBOURHOOD)
        mapped = self._maps[path]
        mapped.madvise(mmap.MADV_DONTNEED, first, min(length, len(mapped) - first))


def _pages(offset: int, size: int, margin: int = 0) -> tuple[int, int]:
    """Return position and length of the whole pages around these bytes."""
    first = max(0, offset - margin) // mmap.PAGESIZE * mmap.PAGESIZE
    return first, offset + size + margin - first
