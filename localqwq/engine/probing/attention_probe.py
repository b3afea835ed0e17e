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
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from localqwq.engine.llama.device_handles import device_list
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
_PIECE = 512
"""Tokens of a prompt that are read in one turn, each kind in batches of its own size."""
_WARM = 32
"""Tokens that are not timed: the first ones start threads and touch memory."""
_CANNOT_RUN = "llama.cpp cannot run the model that measures attention."


def measure(
    heads: int, kv_heads: int, size: int, depths: Sequence[int], threads: int
) -> dict[str, Any]:
    """Return the seconds of one layer's attention for each depth and kind.

    ``size``: of a head. Under ``plain`` and ``flash`` there is for each depth, in tokens, a pair:
    for the next token of an answer, and for each token of the prompt since the last depth.
    ``share``: the part of the requested processor time that was granted.
    """
    began, busy = perf_counter(), process_time()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "attention.gguf"
        layers = 1 if heads * size >= _WIDE else _LAYERS
        _write(path, heads, kv_heads, size, layers)
        model = _load(path, stack)
        cells = depths[-1] + 2 * _TOKENS * len(depths)
        kinds = {
            name: _Conversation(model, cells, threads, stack, flash=name == "flash")
            for name in ("plain", "flash")
        }
        pairs = _times([*kinds.values()], depths)
    found: dict[str, Any] = {
        name: [[seconds / layers for seconds in pair] for pair in found]
        for name, found in zip(kinds, pairs, strict=True)
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


def _load(path: Path, stack: ExitStack) -> Any:
    llama = binding()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = 0
    # No layers on devices are not enough: large batches would be computed there all the same.
    none = device_list(())  # kept in a variable: llama.cpp reads it during the load
    params.devices = ctypes.cast(none, ctypes.c_void_p)
    model = llama.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise LocalqwqError(_CANNOT_RUN)
    stack.callback(llama.llama_model_free, model)
    return model


class _Conversation:
    """A context with one kind of attention, and how far it has been filled."""

    def __init__(
        self, model: Any, cells: int, threads: int, stack: ExitStack, *, flash: bool
    ) -> None:
        self._llama = llama = binding()
        params = llama.llama_context_default_params()
        params.n_ctx = cells
        params.n_batch = params.n_ubatch = self._batch = batch_size(flash, cells)
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        self._context = llama.llama_init_from_model(model, params)
        if not self._context:
            raise LocalqwqError(_CANNOT_RUN)
        stack.callback(llama.llama_free, self._context)

    def add(self, count: int) -> float:
        """Decode so many tokens more and return the seconds they took."""
        began = perf_counter()
        while count:
            part = min(count, self._batch)
            tokens = (ctypes.c_int32 * part)(*(index % _VOCABULARY for index in range(part)))
            if self._llama.llama_decode(
                self._context, self._llama.llama_batch_get_one(tokens, part)
            ):
                raise LocalqwqError(_CANNOT_RUN)
            count -= part
        return perf_counter() - began


def _times(
    conversations: Sequence[_Conversation], depths: Sequence[int]
) -> list[list[tuple[float, float]]]:
    """Return the seconds of each for a token of an answer and of a prompt at each depth.

    They take turns, so that whatever else the machine does meets them alike. An answer's token is
    the fastest of some, a prompt's the median of the pieces, which cost more and more.
    """
    found: list[list[tuple[float, float]]] = [[] for _ in conversations]
    for one in conversations:
        one.add(_WARM)
    at = _WARM
    for depth in depths:
        pieces = [min(_PIECE, depth - first) for first in range(at, depth, _PIECE)]
        prompts = [[one.add(piece) / piece for one in conversations] for piece in pieces]
        answers = [[one.add(1) for one in conversations] for _ in range(_TOKENS)]
        for index, pairs in enumerate(found):
            answer, prompt = ([times[index] for times in turns] for turns in (answers, prompts))
            pairs.append((min(answer), median(prompt)))
        at = depth + _TOKENS
    return found


if __name__ == "__main__":
    sys.exit(answer_order(measure))
