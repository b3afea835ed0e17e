"""The SHA-256 of a download, computed beside it, and noted chunk by chunk."""

import hashlib
import threading
from queue import Queue
from types import TracebackType
from typing import Self

from localqwq.packs.chunks import Chunk, Chunks, Journal
from localqwq.packs.transfer import BLOCK

_BLOCKS = 8
"""Blocks that are filled, written or hashed at a time; hashing runs outside of Python's lock."""


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
        self._waiting: Queue[memoryview | None] = Queue()
        self._free: Queue[memoryview] = Queue()
        for _ in range(_BLOCKS):
            self._free.put(memoryview(bytearray(BLOCK)))
        self._block: memoryview | None = None
        self._error: Exception | None = None
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

    def block(self) -> memoryview:
        """Room for the next bytes, as soon as there is some; the same until it is fed."""
        if self._block is None:
            self._block = self._free.get()
        return self._block

    def feed(self, size: int) -> None:
        """So many bytes of the block are next, and in the file already.

        Raises:
            OSError: the journal cannot be written.
        """
        self._raise()
        self._waiting.put(self.block()[:size])
        self._block = None

    def keep(self, index: int, data: bytes) -> bool:
        """Whether these bytes of the disk are next: what the journal says of this chunk."""
        self._waiting.join()
        digest = self._digest.copy()
        digest.update(data)
        if self._known[index] != Chunk(len(data), digest.hexdigest()):
            return False
        self._digest = digest
        self._position += len(data)
        return True

    def finish(self) -> str:
        """The SHA-256 of everything, once it is computed."""
        self._end()
        self._raise()
        return self._digest.hexdigest()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (data := self._waiting.get()) is not None:
            try:
                if self._error is None:
                    self._take(data)
            except Exception as error:  # whoever feeds is told, and must not wait for ever
                self._error = error
            self._free.put(memoryview(data.obj))
            self._waiting.task_done()
        try:
            self._note(self._position // self._chunks.size)
        except OSError as error:
            self._error = self._error or error

    def _take(self, data: memoryview) -> None:
        while data:
            index = self._position // self._chunks.size
            piece = data[: self._chunks.start(index + 1) - self._position]
            self._digest.update(piece)
            self._position += len(piece)
            data = data[len(piece) :]
            if self._position == self._chunks.start(index + 1):
                self._note(index)

    def _note(self, index: int) -> None:
        length = self._position - self._chunks.start(index)
        chunk = Chunk(length, self._digest.hexdigest())
        if length > 0 and self._known.get(index) != chunk:
            self._known[index] = chunk
            self._journal.add(index, chunk)
