"""The checksums of a download, computed beside it: SHA-256 of the file, CRC-32 of its chunks."""

import hashlib
import threading
import zlib
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from localqwq.packs.chunks import Chunk, Chunks, Journal

_BLOCKS = 16
"""Blocks that may wait to be hashed; both hashes run outside of Python's lock."""


class Hasher:
    """Takes a file's bytes in order and notes each chunk in the journal once it is whole.

    A context manager. At the end it also notes the beginning of a chunk that is not, so that an
    interrupted download goes on at the very byte.
    """

    def __init__(self, chunks: Chunks, journal: Journal, known: dict[int, Chunk]) -> None:
        self._chunks = chunks
        self._journal = journal
        self._known = known
        self._digest = hashlib.sha256()
        self._position = 0
        self._crc = 0
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._room = threading.Semaphore(_BLOCKS)
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        if kind is None:
            self._raise()

    def feed(self, data: bytes) -> None:
        """The next bytes, which are in the file already.

        Raises:
            OSError: the journal cannot be written.
        """
        self._raise()
        self._room.acquire()
        self._queue.put(data)

    def finish(self) -> str:
        """The SHA-256 of everything, once it is computed."""
        self._end()
        self._raise()
        return self._digest.hexdigest()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (data := self._queue.get()) is not None:
            try:
                if self._error is None:
                    self._take(memoryview(data))
            except OSError as error:
                self._error = error
            self._room.release()
        try:
            self._note(self._position // self._chunks.size)
        except OSError as error:
            self._error = self._error or error

    def _take(self, data: memoryview) -> None:
        self._digest.update(data)
        while data:
            index = self._position // self._chunks.size
            piece = data[: self._chunks.start(index + 1) - self._position]
            self._crc = zlib.crc32(piece, self._crc)
            self._position += len(piece)
            data = data[len(piece) :]
            if self._position == self._chunks.start(index + 1):
                self._note(index)
                self._crc = 0

    def _note(self, index: int) -> None:
        chunk = Chunk(self._position - self._chunks.start(index), self._crc)
        if chunk.length > 0 and self._known.get(index) != chunk:
            self._known[index] = chunk
            self._journal.add(index, chunk)
