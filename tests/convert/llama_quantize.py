"""llama.cpp's own quantizer as a witness: what it would do, and what it does."""

import ctypes
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from gguf.constants import GGMLQuantizationType
from numpy.typing import NDArray

from localqwq_convert.recipes import file_type

Importances = Mapping[str, NDArray[np.float32]]
_PLANNED = re.compile(
    r"\[ *\d+/ *\d+\] (\S+) +- \[.*?\], type = +(\w+), size = .*?(?:-> .*?\((\w+)\))?\n"
)


def quantize(
    source: Path,
    target: Path,
    quantization: str,
    *,
    imatrix: Importances | None = None,
    overrides: Sequence[tuple[str, str]] = (),
    metadata: Mapping[str, str | int | float | bool] | None = None,
    pure: bool = False,
    leave_output: bool = False,
    requantize: bool = False,
) -> None:
    """Let llama.cpp make ``target`` from ``source``, as llama-quantize would.

    Args:
        source: a GGUF file of plain types.
        target: the file to write.
        quantization: llama.cpp's name of it.
        imatrix: importances by tensor.
        overrides: patterns and types.
        metadata: keys to add at the end.
        pure: one type for all matrices.
        leave_output: the output matrix stays as it is.
        requantize: take a file that is quantized already.
    """
    with _parameters(quantization, imatrix, overrides, metadata or {}) as parameters:
        parameters.pure, parameters.quantize_output_tensor = pure, not leave_output
        parameters.allow_requantize = requantize
        code = llama_cpp.llama_model_quantize(
            str(source).encode(), str(target).encode(), ctypes.byref(parameters)
        )
    assert code == 0


def planned_types(
    source: Path,
    quantization: str,
    *,
    imatrix: Importances | None = None,
    overrides: Sequence[tuple[str, str]] = (),
) -> list[tuple[str, str]]:
    """Names and types of the tensors that llama.cpp would write, in its order, from a dry run."""
    log: list[bytes] = []
    callback = llama_cpp.llama_log_callback(lambda level, text, data: log.append(text))
    with _parameters(quantization, imatrix, overrides, {}) as parameters:
        parameters.dry_run = True
        llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
        try:
            code = llama_cpp.llama_model_quantize(
                str(source).encode(), b"/nowhere", ctypes.byref(parameters)
            )
        finally:
            llama_cpp.llama_log_set(llama_cpp.llama_log_callback(), ctypes.c_void_p(0))
    text = b"".join(log).decode()
    assert code == 0, text
    return [(name, (new or old).upper()) for name, old, new in _PLANNED.findall(text)]


@contextmanager
def _parameters(
    quantization: str,
    imatrix: Importances | None,
    overrides: Sequence[tuple[str, str]],
    metadata: Mapping[str, str | int | float | bool],
) -> Iterator[Any]:
    """Parameters whose arrays live as long as the block."""
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = file_type(quantization)
    parameters.nthread = 2
    if imatrix is not None:
        number = ctypes.POINTER(ctypes.c_float)
        entries = (llama_cpp.llama_model_imatrix_data * (len(imatrix) + 1))()
        for entry, (tensor, values) in zip(entries, imatrix.items(), strict=False):
            entry.name, entry.size = tensor.encode(), values.size
            entry.data = values.ctypes.data_as(number)
        parameters.imatrix = entries
    patterns = (llama_cpp.llama_model_tensor_override * (len(overrides) + 1))()
    for item, (pattern, kind) in zip(patterns, overrides, strict=False):
        item.pattern, item.type = pattern.encode(), GGMLQuantizationType[kind]
    if overrides:
        parameters.tt_overrides = patterns
    keys = (llama_cpp.llama_model_kv_override * (len(metadata) + 1))()
    for key, (name, value) in zip(keys, metadata.items(), strict=False):
        key.key = name.encode()
        if isinstance(value, str):
            key.tag, key.value.val_str = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR, value.encode()
        elif isinstance(value, bool):
            key.tag, key.value.val_bool = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_BOOL, value
        elif isinstance(value, float):
            key.tag, key.value.val_f64 = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_FLOAT, value
        else:
            key.tag, key.value.val_i64 = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT, value
    if metadata:
        parameters.kv_overrides = keys
    yield parameters
