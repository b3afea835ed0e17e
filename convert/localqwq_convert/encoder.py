"""Chunks of a model's weights, turned into ggml's types."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.chunks import Chunk
from localqwq_convert.flow import Encoded
from localqwq_convert.model import SourceModel
from localqwq_convert.quantizer import Quantizer
from localqwq_convert.weights import Weights


def chunk_encoder(
    model: SourceModel, importances: Mapping[str, NDArray[np.float32]]
) -> Callable[[Chunk], Encoded]:
    """A function that reads a chunk and gives it in every type that it is wanted in.

    Several threads may call it at once.

    Args:
        model: what is converted; its shards are mapped.
        importances: those of the matrices' columns, where there are any, by name in GGUF.

    Raises:
        LocalqwqError: ggml cannot be used; from the function, values that a type cannot hold.
    """
    weights, quantizer = Weights(model), Quantizer()

    def encode(chunk: Chunk) -> Encoded:
        tensor = model.tensors[chunk.task.index]
        rows = weights.rows(tensor, chunk.start, chunk.stop)
        importance = importances.get(tensor.target)
        try:
            encoded = {
                kind: quantizer.quantize(rows, kind, importance) for kind in chunk.task.types
            }
        except LocalqwqError as error:
            raise LocalqwqError(
                f"{weights.describe(tensor)} cannot be converted: {error}."
            ) from error
        weights.release(tensor, chunk.start, chunk.stop)
        return encoded

    return encode


def read_ahead(model: SourceModel, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The same chunks; the system begins to read each as it passes."""
    weights = Weights(model)
    for chunk in chunks:
        weights.prefetch(model.tensors[chunk.task.index], chunk.start, chunk.stop)
        yield chunk
