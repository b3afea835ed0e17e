"""How a model is cut into pieces small enough to convert side by side in little memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from localqwq.gguf.types import row_bytes

MEMORY_BUDGET = 320 << 20
"""Bytes that all chunks on their way may take: far under 1 GiB with everything else."""
_ELEMENTS = 1 << 20
"""Of a chunk: 0.1 s of work for a thread in Q4_K, so that the rest costs nothing beside it."""
_PER_THREAD = 2
"""Chunks on their way for each thread: one in work, one waiting to be worked on or written."""


@dataclass(frozen=True, slots=True)
class Task:
    """A tensor and the types it is wanted in."""

    index: int
    """Its place in the file."""
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""
    element_bytes: float
    """Of the stored type; a fraction in blocks."""
    types: frozenset[str]

    @property
    def rows(self) -> int:
        """How many rows it has; a vector is one row."""
        return prod(self.shape[:-1])

    @property
    def bytes(self) -> int:
        """Bytes in the checkpoint."""
        return int(prod(self.shape) * self.element_bytes)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a tensor."""

    task: Task
    start: int
    """First row."""
    stop: int
    """Row after the last."""

    @property
    def last(self) -> bool:
        """The tensor is complete with this chunk."""
        return self.stop == self.task.rows

    @property
    def bytes(self) -> int:
        """Bytes in the checkpoint."""
        return int((self.stop - self.start) * self.task.shape[-1] * self.task.element_bytes)

    @property
    def memory(self) -> int:
        """Bytes that it takes at most: as stored, in F32, and in every type it is wanted in."""
        return (self.stop - self.start) * _row_memory(self.task)


def chunks_in_flight(threads: int) -> int:
    """How many chunks may be on their way at once."""
    return _PER_THREAD * threads + 2


def cut_into_chunks(tasks: Sequence[Task], threads: int) -> Iterator[Chunk]:
    """All chunks of the tasks, in order.

    With ``chunks_in_flight(threads)`` of them in memory at a time they stay within
    ``MEMORY_BUDGET``, unless single rows are too long for that: the caller has to look at
    ``Chunk.memory``.
    """
    share = MEMORY_BUDGET // chunks_in_flight(threads)
    for task in tasks:
        step = max(1, min(_ELEMENTS // task.shape[-1], share // _row_memory(task)))
        for start in range(0, task.rows, step):
            yield Chunk(task, start, min(start + step, task.rows))


def _row_memory(task: Task) -> int:
    columns = task.shape[-1]
    wanted = sum(row_bytes(kind, columns) for kind in task.types)
    return int(columns * (task.element_bytes + 4)) + wanted
