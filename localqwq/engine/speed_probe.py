"""How fast a device reads and computes, measured as models use it: products of quantized matrices.

ggml's own backend interface does it, so that every kind of device counts. It is run as a process of
its own, ``python -m localqwq.engine.speed_probe``, since a broken driver can end it, and prints one
JSON document. Three graphs are timed:

- one token through more weights than caches hold: bytes a second;
- a prompt's batch through one matrix: operations a second;
- one token through many tiny matrices: seconds that an operation takes however small it is.
"""

import ctypes
import json
import sys
from collections.abc import Mapping
from time import perf_counter, process_time
from typing import Any, NamedTuple, Self

from localqwq.engine.library import ggml_function
from localqwq.errors import LocalqwqError

_F32 = 0  # enum ggml_type
_LARGE, _MATRICES = 4096, 24  # 24 matrices of 9 MiB
_BATCH = 512
_TINY, _OPERATIONS = 256, 256
_SECONDS = 0.25
"""For each graph; one run at least."""
_FEWEST = 3
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


class _InitParams(ctypes.Structure):
    """``struct ggml_init_params``."""

    _fields_ = (("mem_size", _SIZE), ("mem_buffer", _POINTER), ("no_alloc", ctypes.c_bool))


def measure(device: str, kind: int, threads: int) -> dict[str, float]:
    """``bandwidth`` in bytes a second, ``flops`` a second, and ``latency`` in seconds.

    ``share``: the part of the processor's threads' time that they really ran; where that is less
    than nearly all, other programs were in the way and the figures are too low. ``kind``: the
    weights' type, of ``enum ggml_type``.

    Raises:
        LocalqwqError: there is no such device, or it has no room.
    """
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
    weights = _rearranged(handle) if device == "CPU" else None
    probe = _Probe(backend, weights, kind)
    read = probe.run(matrices=_MATRICES, size=_LARGE, columns=1)
    computed = probe.run(matrices=1, size=_LARGE, columns=_BATCH)
    tiny = probe.run(matrices=_OPERATIONS, size=_TINY, columns=1)
    row_size = ggml_function("ggml_row_size", _SIZE, ctypes.c_int, ctypes.c_int64)
    return {
        "bandwidth": _MATRICES * _LARGE * row_size(kind, _LARGE) / read.seconds,
        "flops": 2.0 * _LARGE * _LARGE * _BATCH / computed.seconds,
        "latency": tiny.seconds / _OPERATIONS,
        "share": min(read.share, computed.share) / threads if device == "CPU" else 1.0,
    }


def _rearranged(device: int) -> int | None:
    """The buffer type for weights that are rearranged for the processor, if this build has it."""
    registry = ggml_function("ggml_backend_dev_backend_reg", _POINTER, _POINTER)(device)
    address = ggml_function(
        "ggml_backend_reg_get_proc_address", _POINTER, _POINTER, ctypes.c_char_p
    )(registry, b"ggml_backend_dev_get_extra_bufts")
    if address is None:
        return None
    kinds = ctypes.CFUNCTYPE(ctypes.POINTER(_POINTER), _POINTER)(address)(device)
    name_of = ggml_function("ggml_backend_buft_name", ctypes.c_char_p, _POINTER)
    index = 0
    while kinds and kinds[index] is not None:
        if name_of(kinds[index]) == b"CPU_REPACK":
            return int(kinds[index])
        index += 1
    return None


class _Run(NamedTuple):
    """One computation of a graph."""

    seconds: float
    share: float
    """Seconds of processor time in each of them."""


class _Probe:
    """Times products on one device."""

    def __init__(self, backend: int, weights: int | None, kind: int) -> None:
        """``weights``: the type of their buffer, ``None`` for the device's usual one."""
        self._backend = backend
        self._weights = weights
        self._kind = kind

    def run(self, *, matrices: int, size: int, columns: int) -> _Run:
        """For so many products of a square matrix and some columns, one after the other."""
        new = ggml_function(
            "ggml_new_tensor_2d", _POINTER, _POINTER, ctypes.c_int, ctypes.c_int64, ctypes.c_int64
        )
        multiply = ggml_function("ggml_mul_mat", _POINTER, _POINTER, _POINTER, _POINTER)
        expand = ggml_function("ggml_build_forward_expand", None, _POINTER, _POINTER)
        with _Context(matrices) as weights, _Context(2 * matrices) as others:
            graph = others.graph()
            held = [new(weights.handle, self._kind, size, size) for _ in range(matrices)]
            weights.allocate(self._backend, self._weights)
            column = new(others.handle, _F32, size, columns)
            for matrix in held:
                expand(graph, multiply(others.handle, matrix, column))
            others.allocate(self._backend, None)
            return _run(self._backend, graph)


class _Context:
    """ggml's context of some tensors, and the memory of those."""

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
        ggml_function("ggml_backend_buffer_free", None, _POINTER)(self._buffer)
        ggml_function("ggml_free", None, _POINTER)(self.handle)

    def graph(self) -> int:
        """An empty graph."""
        new = ggml_function("ggml_new_graph_custom", _POINTER, _POINTER, _SIZE, ctypes.c_bool)
        return int(new(self.handle, self._nodes, False))

    def allocate(self, backend: int, kind: int | None) -> None:
        """Give all tensors so far memory on the device, of a certain buffer type if need be."""
        name = "ggml_backend_alloc_ctx_tensors" + ("" if kind is None else "_from_buft")
        allocate = ggml_function(name, _POINTER, _POINTER, _POINTER)
        self._buffer = allocate(self.handle, backend if kind is None else kind)
        if self._buffer is None:
            raise LocalqwqError("There is no room to measure the device's speed.")
        # Memory that nobody has written to is not there yet.
        clear = ggml_function("ggml_backend_buffer_clear", None, _POINTER, ctypes.c_uint8)
        clear(self._buffer, 0)


def _run(backend: int, graph: int) -> _Run:
    """The fastest of some runs: in the others, the machine did other things, too."""
    compute = ggml_function("ggml_backend_graph_compute", ctypes.c_int, _POINTER, _POINTER)
    compute(backend, graph)
    runs: list[_Run] = []
    while len(runs) < _FEWEST or sum(run.seconds for run in runs) < _SECONDS:
        started, busy = perf_counter(), process_time()
        compute(backend, graph)
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
