"""ggml's own quantization kernels, from the library bundled with llama-cpp-python.

The library is loaded by its path: nothing else of llama.cpp is needed, and importing ``llama_cpp``
would load all of it. ctypes releases the GIL during a call.
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
from localqwq.gguf.types import BLOCKS, row_bytes
from localqwq.installation.origin import rebuild_command
from localqwq_convert.recipes import TENSOR_TYPES

_LIBRARY = {"darwin": "libggml-base.dylib"}.get(sys.platform, "libggml-base.so")
_LARGEST_F16 = 65504.0
"""The range of block types, since their scales are F16 numbers."""
_LARGEST = {"F32": float(np.finfo(np.float32).max), "BF16": 3.3895313892515355e38}
"""The range of types with a larger one."""


_BLOCK_TYPES = tuple(name for name in TENSOR_TYPES if BLOCKS[name][0] > 1)


class Quantizer:
    """Convert rows of F32 into rows of a ggml type."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            LocalqwqError: it is missing, or not a known version.
        """
        path = _library_path()
        try:
            library = ctypes.CDLL(str(path))
            self._chunk = library.ggml_quantize_chunk
            self._validate = library.ggml_validate_row_data
            requires = library.ggml_quantize_requires_imatrix
            row_size, type_name = library.ggml_row_size, library.ggml_type_name
            self._readers = {name: getattr(library, _reader(name)) for name in _BLOCK_TYPES}
        except (OSError, AttributeError) as error:
            raise LocalqwqError(
                f"{path} cannot be used; compile it again: {rebuild_command()}"
            ) from error
        for reader in self._readers.values():
            reader.restype = None
            reader.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        number, i64, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
        self._chunk.restype = ctypes.c_size_t
        self._chunk.argtypes = (number, pointer, pointer, i64, i64, i64, pointer)
        self._validate.restype = requires.restype = ctypes.c_bool
        self._validate.argtypes = (number, pointer, ctypes.c_size_t)
        requires.argtypes = (number,)
        row_size.restype = ctypes.c_size_t
        row_size.argtypes = (number, i64)
        type_name.restype = ctypes.c_char_p
        type_name.argtypes = (number,)
        # A wrong number makes ggml end the process, so both sides have to agree beforehand.
        for name in TENSOR_TYPES:
            kind = GGMLQuantizationType[name].value
            found = type_name(kind) or b""
            if found.decode().upper() != name or row_size(kind, 256) != row_bytes(name, 256):
                raise LocalqwqError(
                    f"{path} does not have the type {name} as localqwq knows it: install the "
                    "llama-cpp-python version that localqwq requires."
                )
        self._requiring = frozenset(
            name for name in TENSOR_TYPES if requires(GGMLQuantizationType[name].value)
        )

    def quantize(
        self,
        rows: NDArray[np.float32],
        type_name: str,
        importance: NDArray[np.float32] | None = None,
    ) -> NDArray[np.uint8]:
        """Return ``rows``, (rows, columns) in F32, as bytes of the ggml type ``type_name``.

        Thread-safe: ggml builds its tables under a lock.

        Args:
            rows: contiguous, in whole blocks of the type.
            type_name: one of ``TENSOR_TYPES``.
            importance: importance of each column's error, (columns,), as checked by ``Imatrix``.

        Raises:
            ValueError: the arguments do not meet ggml's requirements.
            LocalqwqError: values that the type cannot represent.
        """
        if type_name not in TENSOR_TYPES or rows.ndim != 2 or rows.dtype != np.float32:
            raise ValueError(f"cannot quantize {rows.dtype} of shape {rows.shape} to {type_name}")
        if rows.size == 0 or not rows.flags.c_contiguous:
            raise ValueError("rows must be contiguous and not empty")
        if importance is None:
            if type_name in self._requiring:
                raise ValueError(f"{type_name} cannot be made without importances")
        elif (
            importance.shape != rows.shape[1:]
            or importance.dtype != np.float32
            or not importance.flags.c_contiguous
        ):
            raise ValueError(f"importances of shape {importance.shape} for rows of {rows.shape}")
        size = row_bytes(type_name, rows.shape[1]) * rows.shape[0]
        _check_range(rows, type_name)
        output = np.empty(size, dtype=np.uint8)
        kind = GGMLQuantizationType[type_name].value
        written = self._chunk(
            kind,
            rows.ctypes.data,
            output.ctypes.data,
            0,
            rows.shape[0],
            rows.shape[1],
            None if importance is None else importance.ctypes.data,
        )
        if written != size:
            raise LocalqwqError(
                f"ggml wrote {written:,} bytes of {type_name} where {size:,} were expected: "
                "install the llama-cpp-python version that localqwq requires"
            )
        # Reads only the scales of blocks; plain numbers cannot overflow after the check above.
        if BLOCKS[type_name][0] > 1 and not self._validate(kind, output.ctypes.data, size):
            raise LocalqwqError(
                f"{type_name} produced values that are not finite: choose another quantization"
                + ("" if importance is None else " or importance matrix")
            )
        return output

    def check(self, blocks: NDArray[np.uint8], type_name: str) -> None:
        """Check that existing blocks have finite numbers.

        Raises:
            LocalqwqError: they have not.
        """
        kind = GGMLQuantizationType[type_name].value
        if not self._validate(kind, blocks.ctypes.data, blocks.size):
            raise LocalqwqError("its blocks hold infinities or NaNs: download the file again")

    def dequantize(self, blocks: NDArray[np.uint8], type_name: str) -> NDArray[np.float32]:
        """Return the numbers of whole blocks of a type, as read by llama.cpp's quantizer.

        Args:
            blocks: contiguous bytes of a block type.
            type_name: one of ``TENSOR_TYPES``.
        """
        elements, size = BLOCKS[type_name]
        if elements == 1 or blocks.size % size or not blocks.flags.c_contiguous:
            raise ValueError(f"cannot read {blocks.size} bytes as {type_name}")
        output = np.empty(blocks.size // size * elements, dtype=np.float32)
        self._readers[type_name](blocks.ctypes.data, output.ctypes.data, output.size)
        return output


def _check_range(rows: NDArray[np.float32], type_name: str) -> None:
    # Also true for a NaN, which both reductions propagate.
    peak = max(float(rows.max()), -float(rows.min()))
    if not np.isfinite(peak):
        raise LocalqwqError(
            "it holds infinities or NaNs: a training that went wrong leaves them, so take an "
            "earlier checkpoint; where the publisher's file has none, download it again"
        )
    if peak > _LARGEST.get(type_name, _LARGEST_F16):
        way_out = "F32" if type_name == "BF16" else "BF16"
        raise LocalqwqError(
            f"its values reach {peak:.3g}, too far for {type_name}: choose {way_out}"
        )


def _reader(type_name: str) -> str:
    """Return ggml's function that reads blocks of a type: ``dequantize_row_q4_K``, ``…_iq4_xs``."""
    return "dequantize_row_" + type_name.lower().replace("_k", "_K")


def _library_path() -> Path:
    # The variable is llama-cpp-python's own, for custom builds.
    override = os.environ.get("LLAMA_CPP_LIB_PATH")
    if override:
        return Path(override) / _LIBRARY
    package = importlib.util.find_spec("llama_cpp")
    if package is None or package.origin is None:
        raise LocalqwqError(
            "llama-cpp-python is not installed, and conversion uses its quantization kernels; "
            f"install it: {rebuild_command()}"
        )
    return Path(package.origin).parent / "lib" / _LIBRARY
