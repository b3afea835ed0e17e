"""What llama.cpp can compute on, as one JSON document: ``python -m localqwq.engine.devices``.

It is meant to be run as a process of its own, since a broken GPU driver can end it. Arguments are
addresses of RPC servers whose devices are to be counted, too.
"""

import ctypes
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from localqwq.engine.library import binding
from localqwq.engine.rpc_client import add, answering

_TYPES = ("CPU", "GPU", "IGPU", "ACCEL", "META")  # enum ggml_backend_dev_type
_OFFLOADING = ("GPU", "IGPU")


def describe(servers: Sequence[str] = ()) -> dict[str, Any]:
    """Backends and devices, those of RPC ``servers`` that answer included; memory in bytes.

    ggml reports all memory of the CPU as free: take the machine's own figure instead.
    """
    llama = binding()
    ggml = _ggml(llama)
    usable, problems = answering(servers)
    add(usable)
    names = (
        ggml.ggml_backend_reg_name(ggml.ggml_backend_reg_get(index)).decode()
        for index in range(ggml.ggml_backend_reg_count())
    )
    backends = [name for name in names if "[" not in name]  # nor each server, as RPC[host:port]
    devices = [
        _device(ggml, ggml.ggml_backend_dev_get(index))
        for index in range(ggml.ggml_backend_dev_count())
    ]
    return {
        "llama_cpp": version("llama-cpp-python"),
        "backends": backends,
        "devices": devices,
        # llama.cpp's own word for it is yes for every build that has RPC.
        "gpu_offload": any(device["type"] in _OFFLOADING for device in devices),
        "problems": problems,
    }


def _device(ggml: Any, handle: int) -> dict[str, Any]:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    ggml.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
    return {
        "name": ggml.ggml_backend_dev_name(handle).decode(),
        "description": ggml.ggml_backend_dev_description(handle).decode(),
        "type": _TYPES[ggml.ggml_backend_dev_type(handle)],
        "free": free.value,
        "total": total.value,
    }


def _ggml(llama: Any) -> Any:
    """ggml's device functions, which the binding does not wrap, out of the library it loaded."""
    ggml = llama._lib  # a symbol of libllama's handle is looked up in the ggml libraries, too
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "ggml_backend_reg_count": (size, []),
        "ggml_backend_reg_get": (pointer, [size]),
        "ggml_backend_reg_name": (text, [pointer]),
        "ggml_backend_dev_count": (size, []),
        "ggml_backend_dev_get": (pointer, [size]),
        "ggml_backend_dev_name": (text, [pointer]),
        "ggml_backend_dev_description": (text, [pointer]),
        "ggml_backend_dev_type": (ctypes.c_int, [pointer]),
        "ggml_backend_dev_memory": (None, [pointer, ctypes.POINTER(size), ctypes.POINTER(size)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(ggml, name)
        function.restype, function.argtypes = result, arguments
    return ggml


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1:])))
