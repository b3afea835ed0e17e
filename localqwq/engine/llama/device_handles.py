"""The devices that a model is loaded onto, by their names."""

import ctypes
from collections.abc import Sequence
from typing import Any

from localqwq.engine.llama.library import ggml_function
from localqwq.errors import LocalqwqError


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


def _handle(name: str) -> int:
    by_name = ggml_function("ggml_backend_dev_by_name", ctypes.c_void_p, ctypes.c_char_p)
    handle: int | None = by_name(name.encode())
    if handle is None:
        raise LocalqwqError(f"There is no device {name} any more: see `localqwq doctor`.")
    return handle
