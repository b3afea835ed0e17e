"""The largest tensor that a device computes with: some Vulkan drivers allow only 128 MiB."""

import ctypes

from localqwq.engine.llama.library import ggml_function
from localqwq.engine.probing.timed_graph import Tensors

_BYTE = 24  # GGML_TYPE_I8
_STEPS = 64
"""Tensors that the search may need: sizes are 64-bit numbers."""
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t


def tensor_limit(device: int, most: int) -> int | None:
    """Return the maximum bytes of a tensor; ``None`` if all of up to ``most`` bytes are allowed.

    The limit is not that of a buffer, which may hold many tensors, and no property states it; but a
    device refuses to compute with a larger tensor, and llama.cpp ends the process if such a tensor
    is in the device's memory, as a long context's KV cache can be.

    Args:
        device: ggml's handle.
        most: bytes of the device's memory.
    """
    supports = ggml_function("ggml_backend_dev_supports_op", ctypes.c_bool, _POINTER, _POINTER)
    new = ggml_function("ggml_new_tensor_1d", _POINTER, _POINTER, ctypes.c_int, _SIZE)
    with Tensors(_STEPS) as tensors:

        def allows(size: int) -> bool:
            return bool(supports(device, new(tensors.handle, _BYTE, size)))

        if allows(most):
            return None
        low, high = 0, most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if allows(middle) else (low, middle)
        return low
