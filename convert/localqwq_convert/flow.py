"""The flow of chunks: encoded by many threads, written in order, never too many in memory."""

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
"""Called by many threads at once."""
Sink = Callable[[Chunk, Encoded], None]
"""Gets every chunk in order, in a thread of its own."""


def default_threads() -> int:
    """As many threads as this process may use processors."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def flow(
    chunks: Iterable[Chunk], encode: Encode, sinks: Sequence[Sink], threads: int
) -> Generator[Chunk, None, None]:
    """Encode every chunk and give it to every sink; yields each once all sinks are done with it.

    The generator has to be closed, which waits for whatever still runs. An exception of
    ``encode`` or of a sink is raised here.
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
            # One chunk alone may be larger than the budget; then it travels alone.
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
