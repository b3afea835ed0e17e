"""One read of the checkpoint, chunk by chunk, turned into every type that is asked for."""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.checkpoint import Checkpoint
from localqwq_convert.quantizer import Quantizer
from localqwq_convert.safetensors import StoredTensor

_CHUNK_ELEMENTS = 1 << 21
"""8 MiB of F32: large enough to keep threads busy, small enough to keep memory flat."""

Encoded = dict[str, NDArray[np.uint8]]
"""The bytes of a chunk, by ggml type."""


@dataclass(frozen=True, slots=True)
class Task:
    """A tensor and the types it is wanted in."""

    stored: StoredTensor
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a tensor, encoded."""

    task: Task
    encoded: Encoded
    last: bool
    """The tensor is complete with this chunk."""


def encode(
    checkpoint: Checkpoint, tasks: Sequence[Task], threads: int
) -> Generator[Chunk, None, None]:
    """Every tensor's chunks, in order; only a few chunks are in memory at a time.

    Raises:
        LocalqwqError: a tensor holds values that a type cannot hold.
    """
    quantizer = Quantizer()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="quantize")
    pending: deque[tuple[Task, Future[Encoded], bool]] = deque()
    try:
        for task, start, stop, last in _ranges(tasks):
            work = pool.submit(_encode_rows, checkpoint, quantizer, task, start, stop)
            pending.append((task, work, last))
            if len(pending) > threads + 1:
                yield _finished(*pending.popleft())
        while pending:
            yield _finished(*pending.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def default_threads() -> int:
    """As many threads as this process may use processors."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _finished(task: Task, work: Future[Encoded], last: bool) -> Chunk:
    return Chunk(task, work.result(), last)


def _ranges(tasks: Iterable[Task]) -> Iterator[tuple[Task, int, int, bool]]:
    for task in tasks:
        shape = task.stored.shape
        rows = prod(shape[:-1])
        step = max(1, _CHUNK_ELEMENTS // shape[-1])
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            yield task, start, stop, stop == rows


def _encode_rows(
    checkpoint: Checkpoint, quantizer: Quantizer, task: Task, start: int, stop: int
) -> Encoded:
    rows = checkpoint.rows(task.stored, start, stop)
    values = _as_f32(rows, task.stored.dtype)
    try:
        encoded = {kind: quantizer.quantize(values, kind) for kind in task.types}
    except LocalqwqError as error:
        raise LocalqwqError(
            f"The tensor {ascii(task.stored.name)[:80]} in {task.stored.path} cannot be "
            f"converted: {error}."
        ) from error
    checkpoint.release(task.stored, start, stop)
    return encoded


def _as_f32(rows: NDArray[np.generic], dtype: str) -> NDArray[np.float32]:
    if dtype == "BF16":
        # BF16 is the upper half of F32.
        return (rows.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return np.ascontiguousarray(rows, dtype=np.float32)
