"""Rounds matrices as 4-bit K-quants do while a gradient is taken, so that training bears it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_BLOCK = 32
_LEVELS = 15


def rounded(weight: Tensor) -> Tensor:
    """The weight in blocks of 32 along its rows, each with 16 levels from its minimum up."""
    blocks = weight.reshape(-1, _BLOCK)
    low = blocks.amin(1, keepdim=True).clamp(max=0)
    scale = (blocks.amax(1, keepdim=True) - low).clamp(min=1e-8) / _LEVELS
    return (((blocks - low) / scale).round() * scale + low).reshape(weight.shape)


@contextmanager
def rounded_weights(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Rounded weights inside the block, the exact ones again after it (straight-through)."""
    kept = [(parameter, parameter.detach().clone()) for parameter in parameters]
    with torch.no_grad():
        for parameter, _ in kept:
            parameter.copy_(rounded(parameter))
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, exact in kept:
                parameter.copy_(exact)
