"""Gathering, writing, hashing and journalling a download's bytes, chunk by chunk."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Queue
from types import TracebackType
from typing import Self

from localqwq.packs.download.chunks import Chunk, Chunks, Journal
from localqwq.packs.download.direct_file import Output, aligned_memory

_BLOCK = 1 << 22
"""Maximum bytes per write: each write waits for the disk."""
_BLOCKS = 6
"""Number of blocks being filled, written or hashed at a time."""
_OPEN_S = 1.0
"""Seconds after which a block is written even if it is not full."""


@dataclass(slots=True)
class _Block:
    """Bytes of the file from ``start`` on, in memory with the same alignment."""

    memory: memoryview
    start: int
    size: int = 0
    since: float = 0.0

    @property
    def room(self) -> memoryview:
        return self.memory[self.start % len(self.memory) + self.size :]

    @property
    def data(self) -> memoryview:
        begin = self.start % len(self.memory)
        return self.memory[begin : begin + self.size]


class Sink:
    """Write a file's bytes in order and record each whole chunk in the journal.

    A context manager. On exit it also records the beginning of an incomplete chunk, so that an
    interrupted download resumes at the exact byte. Writing and hashing have a thread each, and both
    release Python's lock.
    """

    def __init__(
        self, output: Output, chunks: Chunks, journal: Journal, known: dict[int, Chunk]
    ) -> None:
        self._output = output
        self._chunks = chunks
        self._journal = journal
        self._known = known
        self._digest = hashlib.sha256()
        self._position = 0
        """The number of bytes hashed."""
        self._at = 0
        """The offset of the next bytes."""
        self._block: _Block | None = None
        self._free: Queue[memoryview] = Queue()
        self._filled: Queue[_Block | None] = Queue()
        self._written: Queue[_Block | None] = Queue()
        for _ in range(_BLOCKS):
            # Each in a single chunk, so that a crash affects only the open one.
            self._free.put(aligned_memory(min(_BLOCK, chunks.size)))
        self._error: Exception | None = None
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._write, self._hash)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
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

    def room(self) -> memoryview:
        """Return memory for the next bytes, waiting for free space; the same until it is fed."""
        if self._block is None:
            self._block = _Block(self._free.get(), self._at, since=time.monotonic())
        return self._block.room

    def feed(self, size: int) -> None:
        """Accept ``size`` bytes written into ``room``.

        Raises:
            OSError: the file or the journal cannot be written.
        """
        self._raise()
        room, block = self.room(), self._block
        assert block is not None
        block.size += size
        self._at += size
        if size == len(room) or time.monotonic() - block.since >= _OPEN_S:
            self._flush()

    def keep(self, index: int, data: bytes) -> bool:
        """Return whether these bytes on the disk come next, as the journal says of this chunk."""
        self.settle()
        digest = self._digest.copy()
        digest.update(data)
        if self._known[index] != Chunk(len(data), digest.hexdigest()):
            return False
        self._digest = digest
        self._position += len(data)
        self._at += len(data)
        return True

    def settle(self) -> None:
        """Wait until everything received is written and hashed."""
        self._flush()
        self._filled.join()
        self._written.join()

    def finish(self) -> str:
        """Return the SHA-256 of everything, once it is written and hashed."""
        self._end()
        self._raise()
        return self._digest.hexdigest()

    def _flush(self) -> None:
        if self._block is not None:
            self._filled.put(self._block)
            self._block = None

    def _end(self) -> None:
        if self._threads:
            self._flush()
            self._filled.put(None)
            for thread in self._threads:
                thread.join()
            self._threads = []

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        while (block := self._filled.get()) is not None:
            self._guarded(self._put, block)
            self._written.put(block)
            self._filled.task_done()
        self._written.put(None)

    def _put(self, block: _Block) -> None:
        data, block.size = block.data, 0
        while self._error is None and block.size < len(data):
            # Bytes before an error count: a full disk may have accepted some of them.
            block.size += self._output.write(data[block.size :], block.start + block.size)

    def _hash(self) -> None:
        whole = True
        while (block := self._written.get()) is not None:
            whole = whole and self._guarded(self._take, block)
            self._free.put(block.memory)
            self._written.task_done()
        if whole:
            self._guarded(self._note, self._position // self._chunks.size)

    def _guarded(self, work: Callable[..., None], *what: object) -> bool:
        """Run ``work`` and keep an error for the feeding thread, which must not wait forever."""
        try:
            work(*what)
        except Exception as error:
            self._error = self._error or error
            return False
        return True

    def _take(self, block: _Block) -> None:
        data = block.data
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
