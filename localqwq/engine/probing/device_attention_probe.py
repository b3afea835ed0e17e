"""Measure flash attention on a device against plain attention, in a model's shape.

It is run as a separate process (``Child.DEVICE_ATTENTION_PROBE``), since a broken driver can end
it, and prints one JSON document. The graphs are those of ``build_attn_mha`` in llama.cpp. Unlike on
the processor (``attention_probe``) no model is run: slow devices would need minutes to fill its
context.
"""

import ctypes
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from math import inf
from typing import Any

from localqwq.engine.llama.library import ggml_function
from localqwq.engine.probing.probe_child import answer_order
from localqwq.engine.probing.timed_graph import Tensors, device_handle, started, timed
from localqwq.errors import LocalqwqError

_F32, _F16, _PRECISE = 0, 1, 10  # enum ggml_type, enum ggml_prec
_PROMPT = 128
"""Tokens of a prompt that are computed at once."""
_SHORT, _SLOW = 32, 0.05
"""The same where so many take this many seconds."""
_KINDS = {"plain": False, "flash": True}
_PADDING = 256
"""llama.cpp computes multiples of so many cells."""
_TENSORS = 16
_POINTER, _FLOAT = ctypes.c_void_p, ctypes.c_float


def measure(
    device: str, heads: int, kv_heads: int, size: int, depths: Sequence[int]
) -> dict[str, Any]:
    """Return the seconds of one layer's attention for each depth and kind.

    ``size``: of a head. Under ``plain`` and ``flash`` there is for each depth, in tokens, a pair:
    for the next token of an answer, and for a token of a prompt; infinite for flash attention that
    the device cannot compute.

    Raises:
        LocalqwqError: there is no such device, its memory is full, or it cannot compute attention.
    """
    handle = device_handle(device)
    with ExitStack() as stack:
        probe = _Probe(handle, started(handle, device, 1), heads, kv_heads, size, stack)
        # The largest first, and nothing is freed until the end: some drivers crash otherwise.
        deepest = max(depths)
        seconds = cache(probe.seconds)
        is_slow = any(seconds(deepest, _SHORT, flash=flash) > _SLOW for flash in _KINDS.values())
        prompt = _SHORT if is_slow else _PROMPT
        found: dict[str, Any] = {kind: [] for kind in _KINDS}
        for depth in sorted(depths, reverse=True):
            for kind, flash in _KINDS.items():
                many = seconds(depth, prompt, flash=flash) / prompt
                found[kind].insert(0, [seconds(depth, 1, flash=flash), many])
    return found | {"share": 1.0}


class _Probe:
    """The attention of one shape, computed on one device."""

    def __init__(
        self, device: int, backend: int, heads: int, kv_heads: int, size: int, stack: ExitStack
    ) -> None:
        self._device, self._backend = device, backend
        self._heads, self._kv_heads, self._size = heads, kv_heads, size
        self._stack = stack

    def seconds(self, depth: int, tokens: int, *, flash: bool) -> float:
        """Return the seconds for so many tokens at once after ``depth`` tokens; infinite for flash
        attention that the device cannot compute.
        """
        cells = -(-depth // _PADDING) * _PADDING
        can = ggml_function("ggml_backend_dev_supports_op", ctypes.c_bool, _POINTER, _POINTER)
        expand = ggml_function("ggml_build_forward_expand", None, _POINTER, _POINTER)
        tensors = self._stack.enter_context(Tensors(_TENSORS))
        graph = tensors.graph()
        nodes = self._nodes(tensors, cells, tokens, flash=flash)
        if not all(can(self._device, node) for node in nodes):
            if flash:
                return inf
            raise LocalqwqError("The device cannot compute attention.")
        expand(graph, nodes[-1])
        tensors.allocate(self._backend, None)
        return timed(self._backend, graph, nodes[-1], repeat_long=False).seconds

    def _nodes(self, tensors: Tensors, cells: int, tokens: int, *, flash: bool) -> list[int]:
        """Return the operations, the last one last."""
        context, size = tensors.handle, self._size
        query = _permuted(context, _new(context, _F32, size, self._heads, tokens))
        keys = _permuted(context, _new(context, _F16, size, self._kv_heads, cells))
        scale, none = _FLOAT(size**-0.5), _FLOAT(0.0)
        if flash:
            values = _permuted(context, _new(context, _F16, size, self._kv_heads, cells))
            mask = _new(context, _F16, cells, tokens, 1)
            flash_attention = _call("ggml_flash_attn_ext", *[_POINTER] * 5, *[_FLOAT] * 3)
            return [
                _precise(flash_attention(context, query, keys, values, mask, scale, none, none))
            ]
        values = _new(context, _F16, cells, size, self._kv_heads)  # kept transposed
        mask = _new(context, _F32, cells, tokens, 1)
        multiply = _call("ggml_mul_mat", *[_POINTER] * 3)
        soft_max = _call("ggml_soft_max_ext", *[_POINTER] * 3, *[_FLOAT] * 2)
        scores = _precise(multiply(context, keys, query))
        shares = soft_max(context, scores, mask, scale, none)
        mixed = multiply(context, values, shares)
        rows = _call("ggml_cont", *[_POINTER] * 2)(context, _permuted(context, mixed))
        return [scores, shares, mixed, rows]


def _call(name: str, *arguments: Any) -> Any:
    return ggml_function(name, _POINTER, *arguments)


def _new(context: int, kind: int, *shape: int) -> int:
    new = _call("ggml_new_tensor_3d", _POINTER, ctypes.c_int, *[ctypes.c_int64] * 3)
    return int(new(context, kind, *shape))


def _permuted(context: int, tensor: int) -> int:
    """Return a view with the heads and the tokens exchanged."""
    permute = _call("ggml_permute", _POINTER, _POINTER, *[ctypes.c_int] * 4)
    return int(permute(context, tensor, 0, 2, 1, 3))


def _precise(tensor: int) -> int:
    """Return the tensor, to be computed in F32 within, as llama.cpp does."""
    ggml_function("ggml_prec_set_acc", ctypes.c_bool, _POINTER, ctypes.c_int)(tensor, _PRECISE)
    return tensor


if __name__ == "__main__":
    sys.exit(answer_order(measure))
