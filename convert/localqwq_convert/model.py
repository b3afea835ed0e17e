"""A checkpoint that has been read and checked: everything to write, except the weights."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.architectures import Architecture, ExpectedTensor, find_architecture
from localqwq_convert.checkpoint import Checkpoint
from localqwq_convert.completeness import check_tensors
from localqwq_convert.dimensions import Dimensions, read_dimensions
from localqwq_convert.model_card import ModelCard, read_model_card
from localqwq_convert.notes import Note, silent
from localqwq_convert.output_head import settle_output_head
from localqwq_convert.rope import Llama3Scaling, Rope, RopeChoice, frequency_factors, read_rope
from localqwq_convert.sampling import read_sampling
from localqwq_convert.tokenizer.read import Tokenizer, read_tokenizer

_LAYER = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A checkpoint's content, in the order and under the names of the GGUF."""

    checkpoint: Checkpoint
    architecture: Architecture
    dimensions: Dimensions
    rope: Rope
    norm_epsilon: float
    """Value added under the root of every RMSNorm."""
    tokenizer: Tokenizer
    tensors: list[ExpectedTensor]
    """Tensors in file order."""
    computed: Mapping[str, NDArray[np.float32]]
    """Values of tensors that are not in the checkpoint, by their name in GGUF."""
    sampling: Mapping[str, int | float]
    """The GGUF's recommended sampling, under its names: ``top_k``, ``temp`` …"""
    name: str
    card: ModelCard

    @property
    def parameters(self) -> int:
        """The number of weights in the GGUF; tied embeddings count once."""
        return sum(prod(tensor.shape) for tensor in self.tensors)

    @property
    def writes_head(self) -> bool:
        """Whether the GGUF states the head length."""
        return self.architecture.writes_head or self.checkpoint.config.get("head_dim") is not None


def read_model(
    checkpoint: Checkpoint, name: str, choice: RopeChoice, note: Note = silent
) -> SourceModel:
    """Read everything except the weights.

    Args:
        checkpoint: the checkpoint to convert.
        name: the model's name in the GGUF.
        choice: whether positions may be scaled.
        note: told about anything unusual.

    Raises:
        LocalqwqError: an architecture, tokenizer or tensor that cannot be converted.
    """
    what, config = str(checkpoint.directory), checkpoint.config
    architecture = find_architecture(config, what)
    dimensions = read_dimensions(
        config, what, head=architecture.head, free_heads=architecture.free_heads
    )
    dimensions = settle_output_head(checkpoint, architecture, dimensions, note)
    rope = read_rope(
        config, choice, what, frequency_factors=architecture.frequency_factors, note=note
    )
    check_tensors(checkpoint, architecture, dimensions)
    tensors, computed = gguf_tensors(architecture, dimensions, rope)
    return SourceModel(
        checkpoint,
        architecture,
        dimensions,
        rope,
        _norm_epsilon(config, what),
        read_tokenizer(
            checkpoint.tokenizer_directory or checkpoint.directory,
            config,
            checkpoint.generation_config,
            dimensions.vocabulary,
            note,
        ),
        tensors,
        computed,
        read_sampling(checkpoint.generation_config, config, note),
        name,
        read_model_card(checkpoint.card_directory or checkpoint.directory),
    )


def gguf_tensors(
    architecture: Architecture, dimensions: Dimensions, rope: Rope
) -> tuple[list[ExpectedTensor], Mapping[str, NDArray[np.float32]]]:
    """Return the GGUF's tensors in order, and the values of those that no checkpoint has."""
    computed = _computed(rope, dimensions)
    tensors = architecture.expected(dimensions)
    tensors += [ExpectedTensor("", key, value.shape) for key, value in computed.items()]
    return sorted(tensors, key=lambda tensor: file_order(tensor.target)), computed


def file_order(name: str) -> tuple[int, str]:
    """Return the sort key of llama.cpp's order: tensors outside layers by name, then by layer and
    name.
    """
    layer = _LAYER.match(name)
    return (int(layer[1]) if layer else -1, name)


def _computed(rope: Rope, dimensions: Dimensions) -> dict[str, NDArray[np.float32]]:
    if not isinstance(rope.scaling, Llama3Scaling):
        return {}
    return {"rope_freqs.weight": frequency_factors(rope.scaling, rope.theta, dimensions.head)}


def _norm_epsilon(config: Mapping[str, Any], what: str) -> float:
    value = config.get("rms_norm_eps", 1e-6)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise LocalqwqError(
            f"{what} cannot be converted: rms_norm_eps in its config.json should be a number "
            f"from 0 to 1 and is {ascii(value)[:40]}."
        )
    return float(value)
