"""The devices that a model is loaded onto, by their names."""

import ctypes
from collections.abc import Sequence
from typing import Any

from localqwq.engine.llama.library import ggml_function
from localqwq.errors import LocalqwqError

_OFFLOADING = (1, 2)  # GPU and IGPU, of enum ggml_backend_dev_type


def device_list(names: Sequence[str]) -> Any:
    """llama.cpp's list of these devices, with the null that ends it; empty: the processor alone.

    On others than these llama.cpp keeps no buffers. Raises :class:`LocalqwqError` where one of
    them is not here.
    """
    return (ctypes.c_void_p * (len(names) + 1))(*map(_handle, names), None)


def buffer_names(names: Sequence[str]) -> dict[str, str]:
    """What each device's buffers are called: ``RPC0[host:port]`` on the device ``RPC1``."""
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    buffer_type = ggml_function("ggml_backend_dev_buffer_type", pointer, pointer)
    name_of = ggml_function("ggml_backend_buft_name", text, pointer)
    return {name: name_of(buffer_type(_handle(name))).decode() for name in names}


def offloading_devices() -> list[str]:
    """The names of all devices that llama.cpp offloads to."""
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    kind = ggml_function("ggml_backend_dev_type", ctypes.c_int, pointer)
    name_of = ggml_function("ggml_backend_dev_name", text, pointer)
    device = ggml_function("ggml_backend_dev_get", pointer, size)
    handles = [device(index) for index in range(ggml_function("ggml_backend_dev_count", size)())]
    return [name_of(handle).decode() for handle in handles if kind(handle) in _OFFLOADING]


def heeds_abort(name: str) -> bool:
    """Whether a device asks for llama.cpp's abort callback while it computes; few do."""
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    registry = ggml_function("ggml_backend_dev_backend_reg", pointer, pointer)(_handle(name))
    find = ggml_function("ggml_backend_reg_get_proc_address", pointer, pointer, text)
    return find(registry, b"ggml_backend_set_abort_callback") is not None


def wait_for_server(name: str) -> None:
    """Wait until an RPC server has done all that its device was told to do.

    For llama.cpp it is enough that the server has been told. It answers in turn, so a question
    that has nothing to do with that is answered afterwards.
    """
    pointer, size = ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    ask = ggml_function("ggml_backend_dev_memory", None, pointer, size, size)
    ask(_handle(name), ctypes.byref(free), ctypes.byref(total))


def _handle(name: str) -> int:
    by_name = ggml_function("ggml_backend_dev_by_name", ctypes.c_void_p, ctypes.c_char_p)
    handle: int | None = by_name(name.encode())
    if handle is None:
        raise LocalqwqError(f"There is no device {name} any more: see `localqwq doctor`.")
    return handle
