"""ggml's own quantization kernels, called in the library that llama-cpp-python brings along.

The library is loaded by its path: nothing of llama.cpp itself is needed, and importing
``llama_cpp`` would load all of it. ctypes lets other threads run during a call.
"""

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
from gguf.constants import GGMLQuantizationType
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import row_bytes

_LIBRARY = {"darwin": "libggml-base.dylib", "win32": "ggml-base.dll"}.get(
    sys.platform, "libggml-base.so"
)
_UNBOUNDED = ("F32", "BF16")
"""Types that reach as far as F32; all others keep F16 numbers: values, or scales of blocks."""
_LARGEST_F16 = 65504.0

_TYPES = ("F32", "F16", "BF16", "Q8_0", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K")
"""What the recipes use; none of these needs an importance matrix."""


class Quantizer:
    """Turns rows of F32 into rows of a ggml type."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            LocalqwqError: it is missing, or not one that this program knows.
        """
        path = _library_path()
        try:
            library = ctypes.CDLL(str(path))
            chunk, row_size = library.ggml_quantize_chunk, library.ggml_row_size
            type_name = library.ggml_type_name
        except (OSError, AttributeError) as error:
            raise LocalqwqError(
                f"Cannot use {path}: reinstall llama-cpp-python (pip install --force-reinstall "
                "llama-cpp-python)."
            ) from error
        i64, pointer = ctypes.c_int64, ctypes.c_void_p
        chunk.restype = ctypes.c_size_t
        chunk.argtypes = (ctypes.c_int, pointer, pointer, i64, i64, i64, pointer)
        row_size.restype = ctypes.c_size_t
        row_size.argtypes = (ctypes.c_int, i64)
        type_name.restype = ctypes.c_char_p
        type_name.argtypes = (ctypes.c_int,)
        # A wrong number makes ggml end the process, so both sides have to agree beforehand.
        for name in _TYPES:
            number = GGMLQuantizationType[name].value
            found = type_name(number) or b""
            if found.decode().upper() != name or row_size(number, 256) != row_bytes(name, 256):
                raise LocalqwqError(
                    f"{path} does not have the type {name} as localqwq knows it: install the "
                    "llama-cpp-python version that localqwq asks for."
                )
        self._chunk = chunk

    def quantize(self, rows: NDArray[np.float32], type_name: str) -> NDArray[np.uint8]:
        """The bytes of ``rows``, (rows, columns) in F32, as the ggml type ``type_name``.

        Raises:
            ValueError: the arguments are not what ggml demands.
            LocalqwqError: values that the type cannot hold.
        """
        if type_name not in _TYPES or rows.ndim != 2 or rows.dtype != np.float32:
            raise ValueError(f"cannot quantize {rows.dtype} of shape {rows.shape} to {type_name}")
        if rows.size == 0 or not rows.flags.c_contiguous:
            raise ValueError("rows must be contiguous and not empty")
        size = row_bytes(type_name, rows.shape[1]) * rows.shape[0]
        _check_range(rows, type_name)
        output = np.empty(size, dtype=np.uint8)
        written = self._chunk(
            GGMLQuantizationType[type_name].value,
            rows.ctypes.data,
            output.ctypes.data,
            0,
            rows.shape[0],
            rows.shape[1],
            None,
        )
        if written != size:
            raise LocalqwqError(
                f"ggml wrote {written:,} bytes of {type_name} where {size:,} were expected: "
                "install the llama-cpp-python version that localqwq asks for."
            )
        return output


def _check_range(rows: NDArray[np.float32], type_name: str) -> None:
    # Also true for a NaN, which both reductions hand on.
    peak = max(float(rows.max()), -float(rows.min()))
    if not np.isfinite(peak):
        raise LocalqwqError("it holds infinities or NaNs: download the checkpoint again")
    if peak > _LARGEST_F16 and type_name not in _UNBOUNDED:
        raise LocalqwqError(f"its values reach {peak:.3g}, too far for {type_name}: choose BF16")


def _library_path() -> Path:
    # The variable is llama-cpp-python's own, for people who bring their own build.
    override = os.environ.get("LLAMA_CPP_LIB_PATH")
    if override:
        return Path(override) / _LIBRARY
    package = importlib.util.find_spec("llama_cpp")
    if package is None or package.origin is None:
        raise LocalqwqError(
            "llama-cpp-python is not installed, and conversion uses its quantization kernels: "
            "pip install llama-cpp-python."
        )
    return Path(package.origin).parent / "lib" / _LIBRARY
