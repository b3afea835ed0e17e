"""Whether a model has its own output matrix, as decided by the checkpoint's content.

``tie_word_embeddings`` says that the token embedding is also the output matrix. Fine-tunes train
the two separately without changing the setting, merges store equal copies, and handwritten
configurations leave it out.
"""

import errno
import os
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from localqwq_convert.architectures import Architecture
from localqwq_convert.checkpoint import Checkpoint, as_f32
from localqwq_convert.dimensions import Dimensions
from localqwq_convert.notes import Note
from localqwq_convert.safetensors import StoredTensor

_CHUNK = 1 << 22
"""Elements compared at a time."""


def settle_output_head(
    checkpoint: Checkpoint, architecture: Architecture, dimensions: Dimensions, note: Note
) -> Dimensions:
    """Return ``dimensions`` with ``tied`` according to the stored weights.

    Args:
        checkpoint: with its headers read; if both matrices exist, they are compared.
        architecture: names the two.
        dimensions: as the configuration states them.
        note: told if the weights contradict the configuration.

    Raises:
        LocalqwqError: a shard cannot be opened.
    """
    head = checkpoint.tensors.get(architecture.output.source)
    embedding = checkpoint.tensors.get(architecture.embedding.source)
    if head is None and not dimensions.tied and _leaves_open(checkpoint.config):
        note(
            f"{checkpoint.directory} has no {architecture.output.source}, and its config.json does "
            "not say whether embeddings are tied: the token embedding is used as output matrix."
        )
        return replace(dimensions, tied=True)
    if head is None or embedding is None or not dimensions.tied:
        return dimensions
    if _is_hole(head):
        note(
            f"{head.name} is assumed to be a copy of {embedding.name}: this can be checked only "
            "once the weights are here."
        )
        return dimensions
    changed = {architecture.output.source, architecture.embedding.source} & set(checkpoint.products)
    if not changed and _equal(checkpoint, head, embedding):
        return dimensions
    note(
        f"{head.name} differs from {embedding.name}, although config.json says that the two are "
        "tied: it is kept as an output matrix of its own."
    )
    return replace(dimensions, tied=False)


def _leaves_open(config: Mapping[str, Any]) -> bool:
    return config.get("tie_word_embeddings") is None


def _is_hole(tensor: StoredTensor) -> bool:
    """Return whether a file has a hole in place of a tensor, as if only its header was
    downloaded.
    """
    if not hasattr(os, "SEEK_DATA"):
        return False
    try:
        with tensor.path.open("rb") as stream:
            data = os.lseek(stream.fileno(), tensor.offset, os.SEEK_DATA)
    except OSError as error:
        return error.errno == errno.ENXIO  # nothing but a hole up to the end
    return data >= tensor.offset + tensor.bytes


def _equal(checkpoint: Checkpoint, one: StoredTensor, other: StoredTensor) -> bool:
    """Return whether two matrices have equal numbers, whatever their types."""
    if one.shape != other.shape or len(one.shape) != 2:
        return False
    if prod(one.shape) == 0:
        return True
    checkpoint.map_shards()
    rows, columns = one.shape
    step = max(1, _CHUNK // columns)
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        values = [
            as_f32(checkpoint.rows(tensor, start, stop), tensor.dtype) for tensor in (one, other)
        ]
        same = bool(np.array_equal(values[0], values[1]))
        for tensor in (one, other):
            checkpoint.release(tensor, start, stop)
        if not same:
            return False
    return True
