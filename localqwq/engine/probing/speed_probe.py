"""Measure how fast a device reads and computes, with products of quantized matrices as in models.

It is run as a separate process (``Child.SPEED_PROBE``), since a broken driver can end it, and
prints one JSON document. Four graphs are timed:

- one token through more weights than fit in caches: bytes per second;
- a prompt's batch through one matrix: operations per second;
- one token through many tiny matrices: the minimum seconds of an operation;
- one token through one of those: the seconds of a round trip to the device.

On a processor that multiplies rearranged weights, the first two are timed with the weights as they
are in files as well: either can be faster, and not the same one for both.
"""

import ctypes
import sys
from collections.abc import Sequence

from localqwq.engine.llama.library import ggml_function
from localqwq.engine.probing.probe_child import answer_order
from localqwq.engine.probing.repack_buffers import cpu_buffer_types
from localqwq.engine.probing.timed_graph import Run, Tensors, device_handle, started, timed
from localqwq.engine.rpc.client import add

_F32 = 0  # enum ggml_type
_LARGE, _MATRICES = 4096, 24  # 24 matrices of 9 MiB
_BATCH = 512
_TINY, _OPERATIONS = 256, 256
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


def measure(
    device: str, kind: int, threads: int, rpc: Sequence[str] = ()
) -> dict[str, float | None]:
    """Return ``bandwidth`` in bytes/s, ``flops`` per second, ``latency`` and ``trip`` in seconds.

    ``mapped_bandwidth`` and ``mapped_flops``: the same for weights as they are in files, ``None``
    if nothing rearranges them.

    ``share``: the part of the requested processor time that its threads really got; if that is much
    less than all, other programs interfered and the figures are too low. ``kind``: the weights'
    type, of ``enum ggml_type``; ``rpc``: addresses of RPC servers.

    Raises:
        LocalqwqError: there is no such device, or its memory is full.
    """
    add(rpc)
    handle = device_handle(device)
    backend = started(handle, device, threads)
    weights = _rearranged(handle, kind) if device == "CPU" else None
    probe = _Probe(backend, weights, kind)
    read, computed = probe.answer(), probe.prompt()
    mapped = _Probe(backend, None, kind) if weights is not None else None
    mapped_read, mapped_computed = (mapped.answer(), mapped.prompt()) if mapped else (None, None)
    tiny = probe.run(matrices=_OPERATIONS, size=_TINY, columns=1)
    single = probe.run(matrices=1, size=_TINY, columns=1)
    latency = tiny.seconds / _OPERATIONS
    row_size = ggml_function("ggml_row_size", _SIZE, ctypes.c_int, ctypes.c_int64)
    size = _MATRICES * _LARGE * row_size(kind, _LARGE)
    operations = 2.0 * _LARGE * _LARGE * _BATCH
    large = [run for run in (read, computed, mapped_read, mapped_computed) if run is not None]
    return {
        "bandwidth": size / read.seconds,
        "flops": operations / computed.seconds,
        "latency": latency,
        "trip": max(0.0, single.seconds - latency),
        "share": min(run.share for run in large) / threads if device == "CPU" else 1.0,
        "mapped_bandwidth": size / mapped_read.seconds if mapped_read else None,
        "mapped_flops": operations / mapped_computed.seconds if mapped_computed else None,
    }


def _rearranged(device: int, kind: int) -> int | None:
    """Return the buffer type that llama.cpp would rearrange such weights for, if there is one.

    The first that supports their products (``select_weight_buft``).
    """
    can = ggml_function("ggml_backend_dev_supports_op", ctypes.c_bool, _POINTER, _POINTER)
    for buffer_type in cpu_buffer_types().values():
        with Tensors(1) as weights, Tensors(2) as others:
            matrix = _matrix(weights, kind, _TINY, _TINY)
            weights.allocate(None, buffer_type)
            product = _product(others, matrix, _matrix(others, _F32, _TINY, _BATCH))
            if can(device, product):
                return buffer_type
    return None


def _matrix(context: "Tensors", kind: int, size: int, columns: int) -> int:
    names = (_POINTER, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    new = ggml_function("ggml_new_tensor_2d", _POINTER, *names)
    return int(new(context.handle, kind, size, columns))


def _product(context: "Tensors", matrix: int, columns: int) -> int:
    multiply = ggml_function("ggml_mul_mat", _POINTER, _POINTER, _POINTER, _POINTER)
    return int(multiply(context.handle, matrix, columns))


class _Probe:
    """Times products on one device."""

    def __init__(self, backend: int, weights: int | None, kind: int) -> None:
        """Set up; ``weights``: their buffer type, ``None`` for the device's usual one."""
        self._backend = backend
        self._weights = weights
        self._kind = kind

    def answer(self) -> Run:
        """Time one token through more weights than fit in caches."""
        return self.run(matrices=_MATRICES, size=_LARGE, columns=1)

    def prompt(self) -> Run:
        """Time a prompt's batch through one matrix."""
        return self.run(matrices=1, size=_LARGE, columns=_BATCH)

    def run(self, *, matrices: int, size: int, columns: int) -> Run:
        """Multiply a square matrix by some columns, ``matrices`` times in sequence."""
        expand = ggml_function("ggml_build_forward_expand", None, _POINTER, _POINTER)
        with Tensors(matrices) as weights, Tensors(2 * matrices) as others:
            graph = others.graph()
            held = [_matrix(weights, self._kind, size, size) for _ in range(matrices)]
            weights.allocate(self._backend, self._weights)
            column = _matrix(others, _F32, size, columns)
            products = [_product(others, matrix, column) for matrix in held]
            for product in products:
                expand(graph, product)
            others.allocate(self._backend, None)
            return timed(self._backend, graph, products[-1])


if __name__ == "__main__":
    sys.exit(answer_order(measure))
