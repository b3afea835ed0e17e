"""The inputs of the weight matrices while a batch is computed: llama.cpp's evaluation callback.

The callback is a parameter of a context, so whoever observes needs a context of its own. The
binding has no type for ``ggml_tensor``; the one here is checked against ggml's own functions before
it is trusted.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.llama.library import binding, ggml_function
from localqwq.errors import LocalqwqError

Rows = NDArray[np.float32]
"""The inputs of one matrix for one batch, (tokens, columns)."""
Take = Callable[[str, Rows], None]
"""Called with a matrix's name in GGUF and its inputs, which are valid during the call alone."""

FEWEST_ROWS = 16
"""Batches with fewer tokens are not observed, as in llama-imatrix."""
_F32 = 0  # GGML_TYPE_F32
_PREFIX = b"blk."
_OBJECT_BYTES = 32
"""``sizeof(struct ggml_object)``, which ``ggml_tensor_overhead`` counts too."""


class _Tensor(ctypes.Structure):
    """``struct ggml_tensor`` of ``ggml.h``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
        ("extra", ctypes.c_void_p),
        ("padding", ctypes.c_char * 8),
    )


class MatrixInputs:
    """Passes on the inputs of the layers' weight matrices, batch by batch."""

    def __init__(self, take: Take) -> None:
        """Prepare the callback for a context; its batches call ``take``.

        Raises:
            LocalqwqError: this llama.cpp lays out its tensors differently.
        """
        self._take = take
        self._failure: BaseException | None = None
        self._operations: dict[int, bytes] = {}
        """The names of those met so far; the numbers change between versions."""
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self._operation_of = ggml_function("ggml_op_desc", ctypes.c_char_p, pointer)
        self._name_of = ggml_function("ggml_get_name", ctypes.c_char_p, pointer)
        self._bytes_of = ggml_function("ggml_nbytes", size, pointer)
        self._rows_of = ggml_function("ggml_nrows", ctypes.c_int64, pointer)
        self._is_host = ggml_function("ggml_backend_buffer_is_host", ctypes.c_bool, pointer)
        self._get = ggml_function("ggml_backend_tensor_get", None, pointer, pointer, size, size)
        overhead = ggml_function("ggml_tensor_overhead", size)()
        if overhead != ctypes.sizeof(_Tensor) + _OBJECT_BYTES:
            raise _other_layout()
        self._is_checked = False
        self.callback: Any = binding().ggml_backend_sched_eval_callback(self._observe)
        """For ``llama_context_params.cb_eval``."""

    def raise_failure(self) -> None:
        """Raise what went wrong during the last batch, which C could not pass on."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _observe(self, address: int, ask: bool, _: Any) -> bool:
        try:
            tensor = _Tensor.from_address(address)
            if ask:
                return self._is_wanted(address, tensor)
            self._read(tensor)
        except BaseException as error:
            self._failure = self._failure or error
            return False
        return True

    def _is_wanted(self, address: int, tensor: _Tensor) -> bool:
        if self._failure is not None:
            return False
        operation = self._operations.get(tensor.op)
        if operation is None:
            operation = self._operations[tensor.op] = self._operation_of(address)
        if operation == b"MUL_MAT_ID":
            raise LocalqwqError(
                "This model is a mixture of experts, whose inputs cannot be observed: choose a "
                "dense one."
            )
        if operation != b"MUL_MAT":
            return False
        weights, inputs = (_Tensor.from_address(one) for one in tensor.src[:2])
        is_enough = inputs.ne[1] >= FEWEST_ROWS and inputs.type == _F32
        return is_enough and _plain_name(weights.name).startswith(_PREFIX)

    def _read(self, tensor: _Tensor) -> None:
        weights = _Tensor.from_address(tensor.src[0])
        if not self._is_checked:
            self._check(tensor)
        if weights.ne[2] * weights.ne[3] != 1:
            raise LocalqwqError("A weight of this model is not a matrix: choose another model.")
        address = tensor.src[1]
        inputs = _Tensor.from_address(address)
        size = self._bytes_of(address)
        if self._is_host(inputs.buffer):
            data = (ctypes.c_char * size).from_address(inputs.data)
        else:
            data = (ctypes.c_char * size)()
            self._get(address, data, 0, size)
        shape, strides = tuple(reversed(inputs.ne)), tuple(reversed(inputs.nb))
        rows = np.ndarray(shape, np.float32, data, strides=strides).reshape(-1, shape[-1])
        self._take(_plain_name(weights.name).decode("utf-8", "replace"), rows)

    def _check(self, tensor: _Tensor) -> None:
        """Compare a first product with what ggml says of it.

        The columns of the weights are those of the inputs, and its rows are those of the result.
        """
        for address in tensor.src[:2]:
            one = _Tensor.from_address(address)
            rows = one.ne[1] * one.ne[2] * one.ne[3]
            if self._name_of(address) != one.name or self._rows_of(address) != rows:
                raise _other_layout()
        weights, inputs = (_Tensor.from_address(one) for one in tensor.src[:2])
        is_product = weights.ne[0] == inputs.ne[0] and weights.ne[1] == tensor.ne[0]
        if not is_product or inputs.nb[0] != ctypes.sizeof(ctypes.c_float):
            raise _other_layout()
        self._is_checked = True


def _plain_name(name: bytes) -> bytes:
    """Return a tensor's name without the marks of a device's copy: ``CUDA0#blk.0.x.weight#0``."""
    _, mark, rest = name.partition(b"#")
    return rest.partition(b"#")[0] if mark else name


def _other_layout() -> LocalqwqError:
    return LocalqwqError(
        "This llama.cpp lays out its tensors differently from what localqwq knows: use the version "
        "that localqwq requires."
    )
