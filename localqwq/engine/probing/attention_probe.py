"""Measure flash attention on the processor against plain attention, in layers of a model's shape.

It is run as a separate process (``Child.ATTENTION_PROBE``) and prints one JSON document. The KV
cache is laid out token by token as llama.cpp does it; plain attention has the values transposed. A
token of an answer reads more of it than the processor has caches; a prompt's batch computes longer
than it reads, so one layer is enough for that.
"""

import ctypes
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localqwq.engine.llama.library import ggml_function
from localqwq.engine.probing.timed_graph import Run, Tensors, device_handle, started, timed
from localqwq.errors import LocalqwqError

_F32, _F16 = 0, 1  # enum ggml_type
_PRECISE = 10  # GGML_PREC_F32
_CACHE_BYTES, _MOST_LAYERS = 64 << 20, 16
_SECONDS = 0.1
"""Seconds for each graph."""
_PAD = 64
"""A mask's rows are a multiple of this."""
BATCH = 64
"""Tokens of a prompt that are read at a time."""
_POINTER = ctypes.c_void_p


def measure(
    heads: int, kv_heads: int, size: int, depths: Sequence[int], threads: int
) -> dict[str, Any]:
    """Return the seconds of one layer's attention for each depth, kind and number of tokens.

    ``size``: of a head. Under ``plain`` and ``flash`` there is for each depth, in tokens, a pair:
    for the next token of an answer, and for each token of a prompt's batch. ``share``: the lowest
    part of the requested processor time that was granted.
    """
    backend = started(device_handle("CPU"), "CPU", threads)
    shape = _Shape(heads, kv_heads, size)
    found: dict[str, Any] = {"plain": [], "flash": []}
    share = 1.0
    for kind, attend in (("plain", shape.plain), ("flash", shape.flash)):
        for depth in depths:
            pair = []
            for count in (1, BATCH):
                layers = shape.layers(depth) if count == 1 else 1
                run = shape.run(backend, attend, depth, count, layers)
                pair.append(run.seconds / layers / count)
                share = min(share, run.share / threads)
            found[kind].append(pair)
    return found | {"share": share}


class _Shape:
    """The attention of one layer."""

    def __init__(self, heads: int, kv_heads: int, size: int) -> None:
        self._heads = heads
        self._kv_heads = kv_heads
        self._size = size
        self._scale = 1 / math.sqrt(size)

    def layers(self, depth: int) -> int:
        """Return how many layers' caches exceed the processor's own caches."""
        layer = 4 * depth * self._kv_heads * self._size  # keys and values in F16
        return min(_MOST_LAYERS, -(-_CACHE_BYTES // layer))

    def run(
        self, backend: int, attend: Callable[..., int], depth: int, count: int, layers: int
    ) -> Run:
        """Time the attention of ``count`` tokens to ``depth`` others, in so many layers."""
        expand = ggml_function("ggml_build_forward_expand", None, _POINTER, _POINTER)
        with Tensors(16 * layers) as tensors:
            graph = tensors.graph()
            results = [attend(tensors, depth, count) for _ in range(layers)]
            for result in results:
                expand(graph, result)
            tensors.allocate(backend, None)
            return timed(backend, graph, results[-1], _SECONDS)

    def flash(self, tensors: Tensors, depth: int, count: int) -> int:
        """Return the result of ``ggml_flash_attn_ext``."""
        types = (_POINTER,) * 5 + (ctypes.c_float,) * 3
        attend = ggml_function("ggml_flash_attn_ext", _POINTER, *types)
        mask = _new(tensors, _F16, depth, -(-count // _PAD) * _PAD)
        values = self._by_head(tensors, depth)
        operands = (self._queries(tensors, count), self._by_head(tensors, depth), values, mask)
        result = int(attend(tensors.handle, *operands, self._scale, 0.0, 0.0))
        ggml_function("ggml_flash_attn_ext_set_prec", None, _POINTER, ctypes.c_int)(
            result, _PRECISE
        )
        return result

    def plain(self, tensors: Tensors, depth: int, count: int) -> int:
        """Return the product of values and the softmax of scores."""
        product = ggml_function("ggml_mul_mat", _POINTER, *(_POINTER,) * 3)
        types = (_POINTER,) * 3 + (ctypes.c_float,) * 2
        softmax = ggml_function("ggml_soft_max_ext", _POINTER, *types)
        keys, queries = self._by_head(tensors, depth), self._queries(tensors, count)
        scores = product(tensors.handle, keys, queries)
        ggml_function("ggml_mul_mat_set_prec", None, _POINTER, ctypes.c_int)(scores, _PRECISE)
        mask = _new(tensors, _F32, depth, -(-count // _PAD) * _PAD)
        weights = softmax(tensors.handle, scores, mask, self._scale, 0.0)
        values = _new(tensors, _F16, depth, self._size, self._kv_heads)
        return int(product(tensors.handle, values, weights))

    def _queries(self, tensors: Tensors, count: int) -> int:
        return _swapped(tensors, _new(tensors, _F32, self._size, self._heads, count))

    def _by_head(self, tensors: Tensors, depth: int) -> int:
        """Return keys or values, which are stored token by token, seen head by head."""
        return _swapped(tensors, _new(tensors, _F16, self._size, self._kv_heads, depth))


def _new(tensors: Tensors, kind: int, *shape: int) -> int:
    sizes = (ctypes.c_int64 * len(shape))(*shape)
    types = (_POINTER, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int64))
    new = ggml_function("ggml_new_tensor", _POINTER, *types)
    return int(new(tensors.handle, kind, len(shape), sizes))


def _swapped(tensors: Tensors, tensor: int) -> int:
    """Return a view with the second and third dimension exchanged."""
    types = (_POINTER, _POINTER, *(ctypes.c_int,) * 4)
    permute = ggml_function("ggml_permute", _POINTER, *types)
    return int(permute(tensors.handle, tensor, 0, 2, 1, 3))


def _main(order: Mapping[str, Any]) -> int:
    try:
        print(json.dumps(measure(**order)))
    except LocalqwqError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(json.loads(sys.argv[1])))
