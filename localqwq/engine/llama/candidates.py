"""Tokens with their logits, in the form that llama.cpp's samplers take."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.llama.library import binding

CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""``llama_token_data``."""


def array_of(candidates: NDArray[np.void]) -> Any:
    """Return a ``llama_token_data_array`` over candidates, which must outlive it."""
    llama = binding()
    return llama.llama_token_data_array(
        data=candidates.ctypes.data_as(ctypes.POINTER(llama.llama_token_data)),
        size=candidates.size,
        selected=-1,
        sorted=False,
    )
