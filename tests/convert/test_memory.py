"""Memory stays bounded, whatever the model, the number of outputs and of threads."""

import json
import subprocess
import sys
import threading
from math import prod
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.gguf.types import BLOCKS
from localqwq_convert.chunks import (
    MEMORY_BUDGET,
    Chunk,
    Task,
    chunks_in_flight,
    cut_into_chunks,
)
from localqwq_convert.flow import Encoded, Sink, flow
from tests.sparse import QWQ, make_sparse_checkpoint

TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K", "Q2_K")
LARGE = {
    **QWQ,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_attention_heads": 16,
    "num_hidden_layers": 2,
    "vocab_size": 16384,
}
"""188 million parameters, a third of them in two tensors."""
MEASURED = """
import json, sys
from pathlib import Path
from localqwq_convert.pipeline import convert
report = convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:], threads=4)
print(json.dumps(report.as_dict()))
"""


def test_resident_memory_of_a_large_model_and_many_outputs(tmp_path: Path) -> None:
    """A fraction of the checkpoint is ever in memory, and of what is made of it."""
    checkpoint = make_sparse_checkpoint(tmp_path / "large", LARGE, shards=2)
    quants = ["Q4_K_M", "Q3_K_M", "Q2_K"]
    arguments = [str(checkpoint), str(tmp_path / "out"), *quants]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout)
    stored = sum(path.stat().st_size for path in checkpoint.iterdir())
    assert stored > 370_000_000
    assert report["peak_rss"] < 250_000_000


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.integers(1, 1 << 10), st.sets(st.sampled_from(TYPES))),
        min_size=1, max_size=4,
    ),
    st.integers(1, 300),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_chunks_are_all_of_a_tensor_and_small(
    shapes: list[tuple[int, int, set[str]]], threads: int
) -> None:
    """Every row is in one chunk, in order, and all chunks on their way fit into the budget."""
    tasks = [
        Task(index, (rows, blocks * 256), 2, frozenset(types))
        for index, (rows, blocks, types) in enumerate(shapes)
    ]
    chunks = list(cut_into_chunks(tasks, threads))
    for task in tasks:
        own = [chunk for chunk in chunks if chunk.task is task]
        assert [chunk.start for chunk in own] == [0, *(chunk.stop for chunk in own[:-1])]
        assert [chunk.last for chunk in own] == [False] * (len(own) - 1) + [True]
        assert sum(chunk.bytes for chunk in own) == task.bytes == 2 * prod(task.shape)
    for chunk in chunks:
        if chunk.stop - chunk.start > 1:
            assert chunk.memory * chunks_in_flight(threads) <= MEMORY_BUDGET


def test_a_vector_is_one_row() -> None:
    """It is not cut."""
    task = Task(0, (1 << 24,), 4, frozenset({"F32"}))
    assert [(c.start, c.stop, c.last) for c in cut_into_chunks([task], 8)] == [(0, 1, True)]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, MEMORY_BUDGET // (4 * 40)), max_size=30),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_what_is_on_its_way_fits_into_the_budget(
    lengths: list[int], threads: int, sinks: int
) -> None:
    """Rows too long for their share wait for each other; sinks get everything in order."""
    kind = "F32"
    chunks = [
        Chunk(Task(index, (10 * length * BLOCKS[kind][0],), 4, frozenset({kind})), 0, 1)
        for index, length in enumerate(lengths)
    ]
    lock, held, most = threading.Lock(), 0, 0
    received: list[list[int]] = [[] for _ in range(sinks)]

    def encode(chunk: Chunk) -> Encoded:
        nonlocal held, most
        with lock:
            held += chunk.memory
            most = max(most, held)
        return {kind: np.array([chunk.task.index], dtype=np.uint8)}

    def sink_into(own: list[int]) -> Sink:
        return lambda chunk, encoded: own.append(int(encoded[kind][0]))

    landed = []
    for chunk in flow(chunks, encode, [sink_into(own) for own in received], threads):
        landed.append(chunk.task.index)
        with lock:
            held -= chunk.memory
    assert most <= max(MEMORY_BUDGET, max((chunk.memory for chunk in chunks), default=0))
    assert landed == list(range(len(chunks)))
    assert all(own == landed for own in received)
