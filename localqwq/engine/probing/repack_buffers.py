"""Buffer types that ggml rearranges weights for, to multiply faster on the processor."""

import ctypes

from localqwq.engine.llama.library import ggml_function

_CPU = 0  # GGML_BACKEND_DEVICE_TYPE_CPU
_POINTER, _TEXT = ctypes.c_void_p, ctypes.c_char_p


def cpu_buffer_types() -> dict[str, int]:
    """Return their handles by name, such as ``AMX`` and ``CPU_REPACK``, in ggml's order of
    preference.
    """
    device = ggml_function("ggml_backend_dev_by_type", _POINTER, ctypes.c_int)(_CPU)
    registry = ggml_function("ggml_backend_dev_backend_reg", _POINTER, _POINTER)(device)
    find = ggml_function("ggml_backend_reg_get_proc_address", _POINTER, _POINTER, _TEXT)
    address = find(registry, b"ggml_backend_dev_get_extra_bufts")
    if address is None:
        return {}
    kinds = ctypes.CFUNCTYPE(ctypes.POINTER(_POINTER), _POINTER)(address)(device)
    name_of = ggml_function("ggml_backend_buft_name", _TEXT, _POINTER)
    found: dict[str, int] = {}
    index = 0
    while kinds and kinds[index] is not None:
        found[name_of(kinds[index]).decode()] = kinds[index]
        index += 1
    return found
