"""Measure how fast a device reads and computes, with products of quantized matrices as in models.

It uses ggml's own backend interface, so that it works for every kind of device. It is run as a
separate process (``Child.SPEED_PROBE``), since a broken driver can end it, and prints one JSON
document. Four graphs are timed:

- one token through more weights than fit in caches: bytes per second;
- a prompt's batch through one matrix: operations per second;
- one token through many tiny matrices: the minimum seconds of an operation;
- one token through one of those: the seconds of a round trip to the device.
"""

import ctypes
import json
import sys
from collections.abc import Mapping, Sequence
from time import perf_counter, process_time
from typing import Any, NamedTuple, Self

from localqwq.engine.llama.library import ggml_function
from localqwq.engine.probing.repack_buffers import cpu_buffer_types
from localqwq.engine.rpc.client import add
from localqwq.errors import LocalqwqError

_F32 = 0  # enum ggml_type
_LARGE, _MATRICES = 4096, 24  # 24 matrices of 9 MiB
_BATCH = 512
_TINY, _OPERATIONS = 256, 256
_SECONDS = 0.25
"""Seconds for each graph; at least one run."""
_FEWEST = 3
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


class _InitParams(ctypes.Structure):
    """``struct ggml_init_params``."""

    _fields_ = (("mem_size", _SIZE), ("mem_buffer", _POINTER), ("no_alloc", ctypes.c_bool))


def measure(device: str, kind: int, threads: int, rpc: Sequence[str] = ()) -> dict[str, float]:
    """Return ``bandwidth`` in bytes/s, ``flops`` per second, ``latency`` and ``trip`` in seconds.

    ``share``: the part of the requested processor time that its threads really got; if that is much
    less than all, other programs interfered and the figures are too low. ``kind``: the weights'
    type, of ``enum ggml_type``; ``rpc``: addresses of RPC servers.

    Raises:
        LocalqwqError: there is no such device, or its memory is full.
    """
    add(rpc)
    by_name = ggml_function("ggml_backend_dev_by_name", _POINTER, ctypes.c_char_p)
    handle = by_name(device.encode())
    if handle is None:
        raise LocalqwqError(f"There is no device {device}.")
    backend = ggml_function("ggml_backend_dev_init", _POINTER, _POINTER, _POINTER)(handle, None)
    if backend is None:
        raise LocalqwqError(f"The device {device} cannot be used.")
    if device == "CPU":
        set_threads = ggml_function("ggml_backend_cpu_set_n_threads", None, _POINTER, ctypes.c_int)
        set_threads(backend, threads)
    weights = _rearranged(handle, kind) if device == "CPU" else None
    probe = _Probe(backend, weights, kind)
    read = probe.run(matrices=_MATRICES, size=_LARGE, columns=1)
    computed = probe.run(matrices=1, size=_LARGE, columns=_BATCH)
    tiny = probe.run(matrices=_OPERATIONS, size=_TINY, columns=1)
    single = probe.run(matrices=1, size=_TINY, columns=1)
    latency = tiny.seconds / _OPERATIONS
    row_size = ggml_function("ggml_row_size", _SIZE, ctypes.c_int, ctypes.c_int64)
    return {
        "bandwidth": _MATRICES * _LARGE * row_size(kind, _LARGE) / read.seconds,
        "flops": 2.0 * _LARGE * _LARGE * _BATCH / computed.seconds,
        "latency": latency,
        "trip": max(0.0, single.seconds - latency),
        "share": min(read.share, computed.share) / threads if device == "CPU" else 1.0,
    }


def _rearranged(device: int, kind: int) -> int | None:
    """Return the buffer type that llama.cpp would rearrange such weights for, if there is one.

    The first that supports their products (``select_weight_buft``).
    """
    can = ggml_function("ggml_backend_dev_supports_op", ctypes.c_bool, _POINTER, _POINTER)
    for buffer_type in cpu_buffer_types().values():
        with _Context(1) as weights, _Context(2) as others:
            matrix = _matrix(weights, kind, _TINY, _TINY)
            weights.allocate(None, buffer_type)
            product = _product(others, matrix, _matrix(others, _F32, _TINY, _BATCH))
            if can(device, product):
                return buffer_type
    return None


def _matrix(context: "_Context", kind: int, size: int, columns: int) -> int:
    names = (_POINTER, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    new = ggml_function("ggml_new_tensor_2d", _POINTER, *names)
    return int(new(context.handle, kind, size, columns))


def _product(context: "_Context", matrix: int, columns: int) -> int:
    multiply = ggml_function("ggml_mul_mat", _POINTER, _POINTER, _POINTER, _POINTER)
    return int(multiply(context.handle, matrix, columns))


class _Run(NamedTuple):
    """One computation of a graph."""

    seconds: float
    share: float
    """Processor time divided by elapsed time."""


class _Probe:
    """Times products on one device."""

    def __init__(self, backend: int, weights: int | None, kind: int) -> None:
        """Set up; ``weights``: their buffer type, ``None`` for the device's usual one."""
        self._backend = backend
        self._weights = weights
        self._kind = kind

    def run(self, *, matrices: int, size: int, columns: int) -> _Run:
        """Multiply a square matrix by some columns, ``matrices`` times in sequence."""
        expand = ggml_function("ggml_build_forward_expand", None, _POINTER, _POINTER)
        with _Context(matrices) as weights, _Context(2 * matrices) as others:
            graph = others.graph()
            held = [_matrix(weights, self._kind, size, size) for _ in range(matrices)]
            weights.allocate(self._backend, self._weights)
            column = _matrix(others, _F32, size, columns)
            products = [_product(others, matrix, column) for matrix in held]
            for product in products:
                expand(graph, product)
            others.allocate(self._backend, None)
            return _run(self._backend, graph, products[-1])


class _Context:
    """ggml's context of some tensors, and their memory."""

    def __init__(self, tensors: int) -> None:
        self._nodes = tensors + 8
        overhead = ggml_function("ggml_graph_overhead_custom", _SIZE, _SIZE, ctypes.c_bool)
        tensor = ggml_function("ggml_tensor_overhead", _SIZE)()
        room = overhead(self._nodes, False) + self._nodes * tensor
        init = ggml_function("ggml_init", _POINTER, _InitParams)
        self.handle = init(_InitParams(room, None, True))
        self._buffer: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._buffer is not None:
            ggml_function("ggml_backend_buffer_free", None, _POINTER)(self._buffer)
        ggml_function("ggml_free", None, _POINTER)(self.handle)

    def graph(self) -> int:
        """Return an empty graph."""
        new = ggml_function("ggml_new_graph_custom", _POINTER, _POINTER, _SIZE, ctypes.c_bool)
        return int(new(self.handle, self._nodes, False))

    def allocate(self, backend: int | None, kind: int | None) -> None:
        """Allocate all tensors so far in this buffer type, or else in the device's usual one."""
        name = "ggml_backend_alloc_ctx_tensors" + ("" if kind is None else "_from_buft")
        allocate = ggml_function(name, _POINTER, _POINTER, _POINTER)
        self._buffer = allocate(self.handle, backend if kind is None else kind)
        if self._buffer is None:
            raise LocalqwqError("There is no room to measure the device's speed.")
        # Memory is not really allocated until it is written to.
        clear = ggml_function("ggml_backend_buffer_clear", None, _POINTER, ctypes.c_uint8)
        clear(self._buffer, 0)


def _run(backend: int, graph: int, last: int) -> _Run:
    """Return the fastest of some runs: other programs interfered with the rest.

    ``last``: the tensor that is computed last. RPC servers do not report when they are done, so one
    of its values is read.
    """
    compute = ggml_function("ggml_backend_graph_compute", ctypes.c_int, _POINTER, _POINTER)
    get = ggml_function("ggml_backend_tensor_get", None, _POINTER, _POINTER, _SIZE, _SIZE)
    number = ctypes.c_float()

    def finish() -> None:
        compute(backend, graph)
        get(last, ctypes.byref(number), 0, ctypes.sizeof(number))

    finish()
    runs: list[_Run] = []
    while len(runs) < _FEWEST or sum(run.seconds for run in runs) < _SECONDS:
        started, busy = perf_counter(), process_time()
        finish()
        seconds = perf_counter() - started
        runs.append(_Run(seconds, (process_time() - busy) / seconds))
    return min(runs)


def _main(order: Mapping[str, Any]) -> int:
    try:
        print(json.dumps(measure(**order)))
    except LocalqwqError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(json.loads(sys.argv[1])))
