"""Cutting a model into chunks small enough to convert concurrently in little memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from localqwq.gguf.types import row_bytes

MEMORY_BUDGET = 320 << 20
"""Bytes for all chunks in flight: far below 1 GiB including everything else."""
_ELEMENTS = 1 << 20
"""Elements of a chunk: 0.1 s of work for a thread in Q4_K, so that overhead is negligible."""
_PER_THREAD = 2
"""Chunks in flight per thread: one in work, one waiting to be encoded or written."""


@dataclass(frozen=True, slots=True)
class Task:
    """A tensor and the types to convert it to."""

    index: int
    """Its index in the file."""
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""
    element_bytes: float
    """Bytes per element of the stored type; fractional for blocks."""
    types: frozenset[str]

    @property
    def rows(self) -> int:
        """The number of rows; a vector is one row."""
        return prod(self.shape[:-1])

    @property
    def bytes(self) -> int:
        """Size in the checkpoint in bytes."""
        return int(prod(self.shape) * self.element_bytes)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a tensor."""

    task: Task
    start: int
    """The first row."""
    stop: int
    """The row after the last."""

    @property
    def last(self) -> bool:
        """Whether it completes the tensor."""
        return self.stop == self.task.rows

    @property
    def bytes(self) -> int:
        """Size in the checkpoint in bytes."""
        return int((self.stop - self.start) * self.task.shape[-1] * self.task.element_bytes)

    @property
    def memory(self) -> int:
        """Maximum memory in bytes: as stored, in F32, and in every target type."""
        return (self.stop - self.start) * _row_memory(self.task)


def chunks_in_flight(threads: int) -> int:
    """Return how many chunks may be in flight at once."""
    return _PER_THREAD * threads + 2


def cut_into_chunks(tasks: Sequence[Task], threads: int) -> Iterator[Chunk]:
    """Yield all chunks of the tasks, in order.

    With ``chunks_in_flight(threads)`` of them in memory they stay within ``MEMORY_BUDGET``, unless
    single rows are too long: the caller must check ``Chunk.memory``.
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
