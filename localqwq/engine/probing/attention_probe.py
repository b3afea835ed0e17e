"""Measure flash attention on the processor against plain attention, in a model's shape.

It is run as a separate process (``Child.ATTENTION_PROBE``) and prints one JSON document. A model of
a few layers with this shape of heads and next to nothing else is written to a temporary file, and
llama.cpp runs it with either attention, with all that belongs to it: values are stored transposed
for the plain one, which costs time as well.
"""

import ctypes
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from localqwq.engine.llama.library import binding
from localqwq.engine.probing.probe_child import answer_order
from localqwq.errors import LocalqwqError
from localqwq.planning.attention import batch_size

_WIDE = 2048
"""Width of all heads together from which one layer takes long enough to be timed."""
_LAYERS = 4
"""Layers of narrower models."""
_WIDTH, _NETWORK, _VOCABULARY = 64, 64, 32
"""Sizes of all that is not attention."""
_TOKENS = 16
"""Tokens that are timed one by one at each depth."""


def measure(
    heads: int, kv_heads: int, size: int, depths: Sequence[int], threads: int
) -> dict[str, Any]:
    """Return the seconds of one layer's attention for each depth and kind.

    ``size``: of a head. Under ``plain`` and ``flash`` there is for each depth, in tokens, a pair:
    for the next token of an answer, and for each token of the prompt since the last depth.
    ``share``: the part of the requested processor time that was granted.
    """
    began, busy = perf_counter(), process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attention.gguf"
        layers = 1 if heads * size >= _WIDE else _LAYERS
        _write(path, heads, kv_heads, size, layers)
        found: dict[str, Any] = {
            kind: [
                [seconds / layers for seconds in pair]
                for pair in _times(path, depths, threads, flash=kind == "flash")
            ]
            for kind in ("plain", "flash")
        }
    share = (process_time() - busy) / (perf_counter() - began) / threads
    return found | {"share": share}


def _write(path: Path, heads: int, kv_heads: int, size: int, layers: int) -> None:
    """Write a model of this shape without a vocabulary."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_context_length(1 << 16)
    writer.add_block_count(layers)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_NETWORK)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(_VOCABULARY)
    writer.add_tokenizer_model("no_vocab")
    generator = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        values = generator.standard_normal((rows, columns), np.float32) / 8
        writer.add_tensor(f"{name}.weight", values.astype(np.float16))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(_WIDTH, np.float32))

    matrix("token_embd", _VOCABULARY, _WIDTH)
    norm("output_norm")
    for layer in (f"blk.{index}" for index in range(layers)):
        norm(f"{layer}.attn_norm")
        matrix(f"{layer}.attn_q", heads * size, _WIDTH)
        matrix(f"{layer}.attn_k", kv_heads * size, _WIDTH)
        matrix(f"{layer}.attn_v", kv_heads * size, _WIDTH)
        matrix(f"{layer}.attn_output", _WIDTH, heads * size)
        norm(f"{layer}.ffn_norm")
        matrix(f"{layer}.ffn_gate", _NETWORK, _WIDTH)
        matrix(f"{layer}.ffn_up", _NETWORK, _WIDTH)
        matrix(f"{layer}.ffn_down", _WIDTH, _NETWORK)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _times(
    path: Path, depths: Sequence[int], threads: int, *, flash: bool
) -> list[tuple[float, float]]:
    """Return the seconds for a token of an answer and of a prompt at each depth."""
    llama = binding()
    model_params = llama.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = llama.llama_model_load_from_file(str(path).encode(), model_params)
    params = llama.llama_context_default_params()
    params.n_ctx = depths[-1] + 2 * _TOKENS * len(depths)
    params.n_batch = params.n_ubatch = batch_size(flash, params.n_ctx)
    params.n_threads = params.n_threads_batch = threads
    params.flash_attn_type = (
        llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    context = llama.llama_init_from_model(model, params) if model else None
    if not context:
        raise LocalqwqError("llama.cpp cannot run the model that measures attention.")
    found, at = [], 0
    for depth in depths:
        first, began = at, perf_counter()
        while at < depth:
            at += _decode(llama, context, min(params.n_batch, depth - at))
        prompt = (perf_counter() - began) / (at - first)
        answers = []
        for _ in range(_TOKENS):
            began = perf_counter()
            at += _decode(llama, context, 1)
            answers.append(perf_counter() - began)
        found.append((min(answers), prompt))
    llama.llama_free(context)
    llama.llama_model_free(model)
    return found


def _decode(llama: Any, context: Any, count: int) -> int:
    """Decode so many tokens more and return how many they are."""
    tokens = (ctypes.c_int32 * count)(*(index % _VOCABULARY for index in range(count)))
    if llama.llama_decode(context, llama.llama_batch_get_one(tokens, count)):
        raise LocalqwqError("llama.cpp cannot run the model that measures attention.")
    return count


if __name__ == "__main__":
    sys.exit(answer_order(measure))
