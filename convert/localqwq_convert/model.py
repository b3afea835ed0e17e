"""A checkpoint that was read and checked: everything a conversion writes, but the weights."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from localqwq.errors import LocalqwqError
from localqwq_convert.architecture import (
    Architecture,
    Dimensions,
    ExpectedTensor,
    find_architecture,
    read_dimensions,
)
from localqwq_convert.checkpoint import Checkpoint
from localqwq_convert.metadata import read_license
from localqwq_convert.rope import Rope, RopeChoice, read_rope
from localqwq_convert.tokenizer import Tokenizer, read_tokenizer

_LAYER = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A checkpoint's content, in the order and under the names of the GGUF."""

    checkpoint: Checkpoint
    architecture: Architecture
    dimensions: Dimensions
    rope: Rope
    tokenizer: Tokenizer
    tensors: list[ExpectedTensor]
    """In the order of the file."""
    name: str
    license: str | None

    @property
    def parameters(self) -> int:
        """How many weights the model has; tied embeddings count once."""
        return sum(prod(tensor.shape) for tensor in self.tensors)


def read_model(checkpoint: Checkpoint, name: str, choice: RopeChoice) -> SourceModel:
    """Read everything but the weights; ``name`` is what the GGUF will call the model.

    Raises:
        LocalqwqError: an architecture, tokenizer or tensor that cannot be converted.
    """
    what = str(checkpoint.directory)
    architecture = find_architecture(checkpoint.config, what)
    dimensions = read_dimensions(checkpoint.config, what)
    tensors = sorted(architecture.expected(dimensions), key=lambda tensor: _order(tensor.target))
    _check_tensors(checkpoint, architecture, dimensions, tensors)
    return SourceModel(
        checkpoint,
        architecture,
        dimensions,
        read_rope(checkpoint.config, choice, what),
        read_tokenizer(checkpoint.directory, checkpoint.config, dimensions.vocabulary),
        tensors,
        name,
        read_license(checkpoint.directory),
    )


def _order(name: str) -> tuple[int, str]:
    """llama.cpp's order of tensors: those outside of layers by name, then by layer and name."""
    layer = _LAYER.match(name)
    return (int(layer[1]) if layer else -1, name)


def _check_tensors(
    checkpoint: Checkpoint,
    architecture: Architecture,
    dimensions: Dimensions,
    tensors: Sequence[ExpectedTensor],
) -> None:
    directory = checkpoint.directory
    for tensor in tensors:
        stored = checkpoint.tensors.get(tensor.source)
        if stored is None:
            raise LocalqwqError(
                f"{directory} lacks the tensor {tensor.source}: download the whole checkpoint."
            )
        if stored.shape != tensor.shape:
            raise LocalqwqError(
                f"{directory} has the tensor {tensor.source} in the shape {list(stored.shape)}, "
                f"and its config.json says {list(tensor.shape)}: the files do not fit."
            )
    known = {tensor.source for tensor in tensors}
    for name in checkpoint.tensors:
        if name not in known and not architecture.ignores(name, dimensions):
            raise LocalqwqError(
                f"{directory} has a tensor {ascii(name)[:80]}, which its architecture does not "
                "know: it cannot be converted without losing it."
            )
