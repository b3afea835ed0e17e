"""Graphs of ggml that are computed on one device and timed.

They go through ggml's own backend interface, which is the same for every kind of device. For child
processes, since a broken driver can end the process.
"""

import ctypes
from time import perf_counter, process_time
from typing import NamedTuple, Self

from localqwq.engine.llama.library import ggml_function
from localqwq.errors import LocalqwqError

_SECONDS = 0.25
"""Seconds for each graph; at least a few runs."""
_FEWEST = 3
_LONG = 1.0
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


class _InitParams(ctypes.Structure):
    """``struct ggml_init_params``."""

    _fields_ = (("mem_size", _SIZE), ("mem_buffer", _POINTER), ("no_alloc", ctypes.c_bool))


class Run(NamedTuple):
    """One computation of a graph."""

    seconds: float
    share: float
    """Processor time divided by elapsed time."""


def device_handle(name: str) -> int:
    """Return ggml's device of this name; raises :class:`LocalqwqError` if there is none."""
    handle = ggml_function("ggml_backend_dev_by_name", _POINTER, ctypes.c_char_p)(name.encode())
    if handle is None:
        raise LocalqwqError(f"There is no device {name}.")
    return int(handle)


def started(handle: int, name: str, threads: int) -> int:
    """Return a backend of the device, on the processor with so many threads.

    Raises:
        LocalqwqError: it cannot be used.
    """
    backend = ggml_function("ggml_backend_dev_init", _POINTER, _POINTER, _POINTER)(handle, None)
    if backend is None:
        raise LocalqwqError(f"The device {name} cannot be used.")
    if name == "CPU":
        set_threads = ggml_function("ggml_backend_cpu_set_n_threads", None, _POINTER, ctypes.c_int)
        set_threads(backend, threads)
    return int(backend)


class Tensors:
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


def timed(backend: int, graph: int, last: int, *, repeat_long: bool = True) -> Run:
    """Return the fastest of some runs: other programs interfered with the rest.

    ``last``: the tensor that is computed last. RPC servers do not report when they are done, so one
    of its values is read. ``repeat_long``: whether the first run is repeated even if it took more
    than a second, beside which its preparations count for little.
    """
    compute = ggml_function("ggml_backend_graph_compute", ctypes.c_int, _POINTER, _POINTER)
    get = ggml_function("ggml_backend_tensor_get", None, _POINTER, _POINTER, _SIZE, _SIZE)
    number = ctypes.c_float()

    def run() -> Run:
        started, busy = perf_counter(), process_time()
        compute(backend, graph)
        get(last, ctypes.byref(number), 0, ctypes.sizeof(number))
        elapsed = perf_counter() - started
        return Run(elapsed, (process_time() - busy) / elapsed)

    first = run()
    if first.seconds > _LONG and not repeat_long:
        return first
    runs: list[Run] = []
    while len(runs) < _FEWEST or sum(run.seconds for run in runs) < _SECONDS:
        runs.append(run())
    return min(runs)
