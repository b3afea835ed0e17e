"""The devices to load a model on, by name."""

import ctypes
from collections.abc import Sequence
from typing import Any

from localqwq.engine.llama.library import ggml_function
from localqwq.errors import LocalqwqError

_OFFLOADING = (1, 2)  # GPU and IGPU, of enum ggml_backend_dev_type


def device_list(names: Sequence[str]) -> Any:
    """Return llama.cpp's null-terminated list of these devices; empty for the processor only.

    llama.cpp creates buffers only on these devices. Raises :class:`LocalqwqError` if one does not
    exist.
    """
    return (ctypes.c_void_p * (len(names) + 1))(*map(_handle, names), None)


def buffer_names(names: Sequence[str]) -> dict[str, str]:
    """Return the name of each device's buffers: ``RPC0[host:port]`` on the device ``RPC1``."""
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    buffer_type = ggml_function("ggml_backend_dev_buffer_type", pointer, pointer)
    name_of = ggml_function("ggml_backend_buft_name", text, pointer)
    return {name: name_of(buffer_type(_handle(name))).decode() for name in names}


def offloading_devices() -> list[str]:
    """Return the names of all devices that llama.cpp offloads to."""
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    kind = ggml_function("ggml_backend_dev_type", ctypes.c_int, pointer)
    name_of = ggml_function("ggml_backend_dev_name", text, pointer)
    device = ggml_function("ggml_backend_dev_get", pointer, size)
    handles = [device(index) for index in range(ggml_function("ggml_backend_dev_count", size)())]
    return [name_of(handle).decode() for handle in handles if kind(handle) in _OFFLOADING]


def heeds_abort(name: str) -> bool:
    """Return whether a device checks llama.cpp's abort callback while computing; few do."""
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    registry = ggml_function("ggml_backend_dev_backend_reg", pointer, pointer)(_handle(name))
    find = ggml_function("ggml_backend_reg_get_proc_address", pointer, pointer, text)
    return find(registry, b"ggml_backend_set_abort_callback") is not None


def wait_for_server(name: str) -> None:
    """Wait until an RPC server has finished everything its device was told to do.

    llama.cpp waits only until the server has received its orders. The server works in order, so the
    answer to an unrelated request arrives after they are done.
    """
    pointer, size = ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    ask = ggml_function("ggml_backend_dev_memory", None, pointer, size, size)
    ask(_handle(name), ctypes.byref(free), ctypes.byref(total))


def _handle(name: str) -> int:
    by_name = ggml_function("ggml_backend_dev_by_name", ctypes.c_void_p, ctypes.c_char_p)
    handle: int | None = by_name(name.encode())
    if handle is None:
        raise LocalqwqError(f"The device {name} is gone: see `localqwq doctor`.")
    return handle
