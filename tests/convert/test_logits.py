"""llama.cpp computes from the converted file what Transformers computes from the checkpoint."""

import ctypes
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from localqwq_convert.pipeline import convert
from localqwq_convert.rope import RopeChoice
from tests.convert.make_logits import (
    CASES,
    F32,
    FIXTURE,
    ORIGINAL_CONTEXT,
    POSITIONS,
    TOKENS,
    transformers_logits,
)

TOLERANCE = {"F32": 1e-4, "BF16": 4e-2}
"""Largest difference of a logit; they reach about 2. With BF16, llama.cpp rounds activations."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """llama.cpp keeps its log to itself."""
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    yield
    llama_cpp.llama_log_set(llama_cpp.llama_log_callback(), ctypes.c_void_p(0))


def llama_cpp_logits(path: Path) -> F32:
    """Logits at ``POSITIONS``, with everything but the weights in F32."""
    model_parameters = llama_cpp.llama_model_default_params()
    model_parameters.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_parameters)
    assert model is not None
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = 256
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.type_k = parameters.type_v = llama_cpp.GGML_TYPE_F32
    parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    context = llama_cpp.llama_init_from_model(model, parameters)
    assert context is not None
    batch = llama_cpp.llama_batch_init(len(TOKENS), 0, 1)
    batch.n_tokens = len(TOKENS)
    for index, token in enumerate(TOKENS):
        batch.token[index], batch.pos[index] = token, index
        batch.n_seq_id[index], batch.seq_id[index][0] = 1, 0
        batch.logits[index] = index in POSITIONS
    assert llama_cpp.llama_decode(context, batch) == 0
    rows = [
        np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, index), shape=(288,)).copy()
        for index in POSITIONS
    ]
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return np.stack(rows)


def recorded(name: str) -> F32:
    """What Transformers computed for a case."""
    with np.load(FIXTURE, allow_pickle=False) as logits:
        found: F32 = logits[name]
    return found


def converted_logits(
    name: str, directory: Path, quantization: str, rope: RopeChoice = "yarn"
) -> F32:
    """What llama.cpp computes for a case after conversion."""
    checkpoint = CASES[name].make(directory / "small")
    convert(checkpoint, directory, [quantization], rope=rope)
    return llama_cpp_logits(directory / f"small-{quantization}.gguf")


@pytest.mark.parametrize("quantization", TOLERANCE)
@pytest.mark.parametrize("name", CASES)
def test_logits_are_those_of_transformers(tmp_path: Path, name: str, quantization: str) -> None:
    """Each architecture, with and without scaling, within and beyond the original context."""
    found = converted_logits(name, tmp_path, quantization)
    assert np.abs(found - recorded(name)).max() < TOLERANCE[quantization]


@pytest.mark.parametrize("architecture", ["qwen2", "llama", "qwen3"])
def test_without_yarn_it_is_the_unscaled_model(tmp_path: Path, architecture: str) -> None:
    """`--rope native` leaves nothing of a configuration's YaRN behind."""
    found = converted_logits(f"{architecture}-yarn", tmp_path, "F32", "native")
    assert np.abs(found - recorded(architecture)).max() < TOLERANCE["F32"]


@pytest.mark.parametrize(
    "name",
    ["qwen2-yarn", "llama-yarn", "qwen3-yarn", "llama-llama3", "llama-linear", "qwen2-linear"],
)
def test_scaling_matters_in_the_fixture(name: str) -> None:
    """The comparisons could tell a scaled model from an unscaled one, even in BF16."""
    difference = np.abs(recorded(name) - recorded(name.partition("-")[0])).max(axis=1)
    beyond = [index for index, position in enumerate(POSITIONS) if position >= ORIGINAL_CONTEXT]
    assert (difference[beyond] > 4 * TOLERANCE["BF16"]).all()


NEEDS_TRANSFORMERS = pytest.mark.skipif(
    not (importlib.util.find_spec("torch") and importlib.util.find_spec("transformers")),
    reason="needs torch and transformers",
)


@NEEDS_TRANSFORMERS
@pytest.mark.parametrize("name", CASES)
def test_a_checkpoint_that_transformers_saved(tmp_path: Path, name: str) -> None:
    """The form that its current version writes is the same model."""
    transformers: Any = importlib.import_module("transformers")
    original = CASES[name].make(tmp_path / "original")
    model = transformers.AutoModelForCausalLM.from_pretrained(original)
    model.save_pretrained(tmp_path / "small")
    transformers.AutoTokenizer.from_pretrained(original).save_pretrained(tmp_path / "small")
    convert(tmp_path / "small", tmp_path, ["F32"])
    found = llama_cpp_logits(tmp_path / "small-F32.gguf")
    assert np.abs(found - recorded(name)).max() < TOLERANCE["F32"]


@NEEDS_TRANSFORMERS
@pytest.mark.parametrize("name", CASES)
def test_the_recorded_logits_are_current(tmp_path: Path, name: str) -> None:
    """Transformers, where it is installed, still computes what was recorded."""
    found = transformers_logits(CASES[name].make(tmp_path / "small"))
    assert np.abs(found - recorded(name)).max() < 1e-4
