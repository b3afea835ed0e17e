"""Rope scaling is off as long as the context needs none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.rope import rope_scaling
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint

YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}


@given(st.integers(1, 200_000))
def test_scaled_only_by_need(demo_gguf: Path, context: int) -> None:
    """None up to the original context, then just enough, an error beyond."""
    facts = replace(
        read_facts(demo_gguf),
        context_length=32_768,
        rope_scaling="yarn",
        rope_factor=4.0,
        rope_original_context=32_768,
    )
    if context > 131_072:
        with pytest.raises(LocalqwqError, match="131072"):
            rope_scaling(facts, context)
        return
    rope = rope_scaling(facts, context)
    assert rope.kind == ("none" if context <= 32_768 else "yarn")
    assert rope.factor == max(1.0, context / 32_768)
    assert rope_scaling(replace(facts, rope_scaling="none"), min(context, 32_768)).kind == "model"


def logits(path: Path, size: int, tokens: Sequence[int]) -> NDArray[np.float32]:
    """What the model says after the tokens, in a context of that size."""
    model = Model(path, gpu_layers=0)
    rope = rope_scaling(model.facts, size)
    context = Context(model, size=size, rope=rope, threads=1, batch=64)
    (last,) = context.decode([Part(0, 0, tokens, 1)])
    pointer = binding().llama_get_logits_ith(context.handle, last)
    values = np.ctypeslib.as_array(pointer, (model.size,)).copy()
    context.close()
    model.close()
    return values


def test_llama_cpp_scales_as_asked(tmp_path: Path) -> None:
    """A YaRN file in a short context computes what the same file without YaRN does."""
    paths = {}
    for name, config in {"plain": {}, "yarn": {"rope_scaling": YARN}}.items():
        checkpoint = make_checkpoint(tmp_path / name, context=256, config=config)
        convert(checkpoint, tmp_path / f"{name}-pack", ["F16"], name=name)
        (paths[name],) = (tmp_path / f"{name}-pack").glob("*.gguf")
    tokens = list(range(40))
    plain = logits(paths["plain"], 256, tokens)
    assert np.array_equal(plain, logits(paths["yarn"], 256, tokens))
    assert not np.allclose(plain, logits(paths["yarn"], 1024, tokens), atol=1e-3)
    with pytest.raises(LocalqwqError, match="1024"):
        logits(paths["yarn"], 1025, tokens)
