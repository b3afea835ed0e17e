"""GGUF files of any shape with random weights, written as blocks: there is no checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localqwq.gguf.header import Tensor, read_header
from localqwq.gguf.types import BLOCKS
from localqwq_convert.quantizer import Quantizer
from tests.sparse import make_sparse_gguf

_ELEMENTS = 1 << 22
"""Weights of each type that are made; tensors repeat them, each from another place on."""
_SPREAD = 0.02
"""Standard deviation of the weights, as in models."""


def make_random_gguf(directory: Path, config: Mapping[str, Any], quant: str) -> Path:
    """Write the GGUF that a checkpoint of this configuration becomes, and return its path."""
    path = make_sparse_gguf(directory, config, quant)
    random, quantizer = np.random.default_rng(0), Quantizer()
    pools: dict[str, NDArray[np.uint8]] = {}
    with path.open("r+b", buffering=0) as file:
        for tensor in read_header(path).tensors:
            if BLOCKS[tensor.type][0] > 1 and tensor.type not in pools:
                rows = random.standard_normal((_ELEMENTS // 1024, 1024), dtype=np.float32)
                pools[tensor.type] = quantizer.quantize(rows * np.float32(_SPREAD), tensor.type)
            file.seek(tensor.offset)
            if (pool := pools.get(tensor.type)) is None:
                file.write(_plain(tensor).tobytes())
                continue
            start = int(random.integers(len(pool))) // BLOCKS[tensor.type][1]
            turned = np.roll(pool, -start * BLOCKS[tensor.type][1]).data
            left = tensor.bytes
            while left:
                left -= file.write(turned[: min(left, len(turned))])
    return path


def _plain(tensor: Tensor) -> NDArray[np.float32]:
    """Return the values of a tensor without blocks: scales of norms are 1, biases 0."""
    is_norm = tensor.name.endswith("norm.weight")
    return np.full(tensor.elements, float(is_norm), np.float32)
