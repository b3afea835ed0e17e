"""The flow of chunks: encoded by many threads, written in order, within a memory limit."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from localqwq_convert.chunks import MEMORY_BUDGET, Chunk, chunks_in_flight

Encoded = dict[str, NDArray[np.uint8]]
"""The bytes of a chunk, by ggml type."""
Encode = Callable[[Chunk], Encoded]
"""Encodes a chunk; called concurrently by many threads."""
Sink = Callable[[Chunk, Encoded], None]
"""Receives every chunk in order, in its own thread."""


def default_threads() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def flow(
    chunks: Iterable[Chunk], encode: Encode, sinks: Sequence[Sink], threads: int
) -> Generator[Chunk, None, None]:
    """Encode every chunk and pass it to every sink; yield each once all sinks are done with it.

    The generator must be closed, which waits for running work. An exception of ``encode`` or of a
    sink is raised here.
    """
    encoders = ThreadPoolExecutor(threads, thread_name_prefix="encode")
    writers = [ThreadPoolExecutor(1, thread_name_prefix="write") for _ in sinks]
    pending: deque[tuple[Chunk, Future[Encoded]]] = deque()
    held, limit = 0, chunks_in_flight(threads)

    def land() -> Chunk:
        chunk, work = pending.popleft()
        encoded = work.result()
        written = [
            writer.submit(sink, chunk, encoded) for writer, sink in zip(writers, sinks, strict=True)
        ]
        for write in written:
            write.result()
        return chunk

    try:
        for chunk in chunks:
            # A chunk larger than the budget is processed alone.
            while pending and (len(pending) >= limit or held + chunk.memory > MEMORY_BUDGET):
                landed = land()
                held -= landed.memory
                yield landed
            pending.append((chunk, encoders.submit(encode, chunk)))
            held += chunk.memory
        while pending:
            yield land()
    finally:
        for pool in (encoders, *writers):
            pool.shutdown(wait=True, cancel_futures=True)
