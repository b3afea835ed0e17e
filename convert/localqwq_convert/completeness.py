"""Checking that a checkpoint has exactly the tensors of its architecture."""

import re

from localqwq.errors import LocalqwqError
from localqwq_convert.architectures import Architecture
from localqwq_convert.checkpoint import Checkpoint
from localqwq_convert.dimensions import Dimensions

_LAYER = re.compile(r"model\.layers\.([0-9]{1,6})\.")


def check_tensors(
    checkpoint: Checkpoint, architecture: Architecture, dimensions: Dimensions
) -> None:
    """Check that every tensor exists in its shape, and that none would be lost.

    Raises:
        LocalqwqError: the weights do not match the configuration; the sentence says what to do.
    """
    directory, expected = checkpoint.directory, architecture.expected(dimensions)
    for tensor in expected:
        stored = checkpoint.tensors.get(tensor.source)
        if stored is None:
            raise LocalqwqError(
                f"{directory} lacks the tensor {tensor.source}: "
                f"{_reason(checkpoint, architecture, dimensions, tensor.source)}."
            )
        if stored.shape != tensor.shape:
            raise LocalqwqError(
                f"{directory} has the tensor {tensor.source} in the shape {list(stored.shape)}, "
                f"and its config.json says {list(tensor.shape)}: the files do not match."
            )
    known = {tensor.source for tensor in expected}
    for name in checkpoint.tensors:
        if name not in known and not architecture.ignores(name, dimensions):
            raise LocalqwqError(
                f"{directory} has a tensor {ascii(name)[:80]}, which its architecture does not "
                "know: it cannot be converted without losing it."
            )


def _reason(
    checkpoint: Checkpoint, architecture: Architecture, dimensions: Dimensions, missing: str
) -> str:
    """Return why a tensor may be missing, judging by the others, and what to do."""
    tensors = checkpoint.tensors
    if not any(tensor.source in tensors for tensor in architecture.expected(dimensions)):
        example = ascii(next(iter(tensors), ""))[:80]
        return (
            f"none of its tensors has a name that Transformers gives (one is {example}); save it "
            "with Transformers' save_pretrained first"
        )
    if missing == architecture.output.source:
        return (
            "where the token embedding is the output matrix, set tie_word_embeddings to true in "
            "config.json; otherwise the weights are incomplete"
        )
    layers = {int(found[1]) for name in tensors if (found := _LAYER.match(name))}
    layer = _LAYER.match(missing)
    if layer and layers and int(layer[1]) > max(layers):
        return (
            f"its weights end with layer {max(layers)}, and its config.json says that there are "
            f"{dimensions.layers}; one of the two is from another model, or shards are missing"
        )
    return "the weights are incomplete; download them again, or save them again"
