"""Checkpoints with random weights, written tensor by tensor, so that they may be large."""

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tests.checkpoints import tensor_shapes, write_json, write_tokenizer

_ELEMENTS = 1 << 22
"""Elements that are made at a time."""


def make_random_checkpoint(directory: Path, config: Mapping[str, Any]) -> Path:
    """Write a BF16 checkpoint of this configuration into ``directory`` and return it."""
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "config.json", config)
    write_tokenizer(directory)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    shapes = tensor_shapes(config)
    for name, shape in shapes.items():
        end = offset + 2 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    random = np.random.default_rng(0)
    with (directory / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape in shapes.values():
            left = prod(shape)
            while left:
                weights = random.standard_normal(min(left, _ELEMENTS), dtype=np.float32)
                weights *= np.float32(0.02)
                file.write((weights.view(np.uint32) >> np.uint32(16)).astype(np.uint16).data)
                left -= len(weights)
    return directory
