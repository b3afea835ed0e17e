"""Headers that make no sense: a plan or a sentence, in bounded time and memory, nothing else."""

import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import facts_of_header
from localqwq.gguf.header import Header, read_header
from localqwq.planning.alternatives import alternatives
from localqwq.planning.drawing import draw
from localqwq.planning.memory import GIB, MIB
from localqwq.planning.plan import plan
from tests.machines import gpu, machine

HERE = machine(32 * GIB, gpu(12 * GIB))
MOST_S = 10.0
"""Seconds of the processor: some fifty times what the slowest takes, so that none grows with what a
header says."""
NUMBERS = (
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "rope.scaling.factor",
    "rope.scaling.original_context_length",
)
VALUES = (
    st.none()  # the key is missing
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from([0, 1, 2**31 - 1, 2**32 - 1])
    | st.floats()
    | st.sampled_from(["", "yarn", "none", [1, 2], True])
)


@pytest.fixture(scope="module")
def header(demo_gguf: Path) -> Header:
    """The demo's."""
    return read_header(demo_gguf)


def changed(header: Header, changes: dict[str, Any]) -> Header:
    """With other values under the architecture's keys, or without them."""
    metadata = {**header.metadata, "qwen2.rope.scaling.type": "yarn"}
    metadata |= {f"qwen2.{key}": value for key, value in changes.items()}
    return replace(header, metadata={k: v for k, v in metadata.items() if v is not None})


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(NUMBERS), VALUES, min_size=1, max_size=4))
@example({"rope.scaling.factor": 1e308, "rope.scaling.original_context_length": 2**32 - 1})
@example({"attention.head_count": 2**32 - 1})
@example({"attention.key_length": 2**32 - 1, "attention.head_count_kv": 2**32 - 1})
def test_absurd_numbers(header: Header, changes: dict[str, Any]) -> None:
    """Missing keys, overflowing extents, numbers of the wrong kind."""
    began = time.process_time()
    tracemalloc.start()
    try:
        facts = facts_of_header(Path("damaged.gguf"), changed(header, changes))
        found = plan(facts, HERE)
        longest = plan(facts, HERE, context=facts.longest_context)
        assert draw(found)
        assert alternatives(longest, HERE) is not None
        assert longest.context == facts.longest_context
    except LocalqwqError as error:
        assert str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16 * MIB
    assert time.process_time() - began < MOST_S


@given(st.integers(0, 40), st.sampled_from(["", "blk.0.", "blk.99999999999999999999.x"]))
def test_tensors_that_are_not_the_models(header: Header, index: int, name: str) -> None:
    """A layer too many, one too few, or names that count to nowhere."""
    tensors = list(header.tensors)
    index %= len(tensors)
    tensors[index] = replace(tensors[index], name=name)
    try:
        facts = facts_of_header(Path("damaged.gguf"), replace(header, tensors=tuple(tensors)))
        assert plan(facts, HERE).host.weights
    except LocalqwqError as error:
        assert "damaged.gguf" in str(error)
