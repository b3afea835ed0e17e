"""What devices say of the largest tensor that they compute with."""

import ctypes

from localqwq.engine.llama.library import ggml_function
from localqwq.engine.probing.devices import describe
from localqwq.engine.probing.tensor_limit import tensor_limit


def test_a_processor_has_no_limit() -> None:
    """It computes with whatever its memory holds."""
    by_type = ggml_function("ggml_backend_dev_by_type", ctypes.c_void_p, ctypes.c_int)
    assert tensor_limit(by_type(0), 1 << 40) is None
    assert all(device.largest_tensor is None for device in describe().devices)
