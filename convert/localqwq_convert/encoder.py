"""Chunks of a model's weights, turned into ggml's types."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import BLOCKS
from localqwq_convert.architectures import ExpectedTensor
from localqwq_convert.chunks import Chunk
from localqwq_convert.flow import Encoded
from localqwq_convert.quantizer import Quantizer
from localqwq_convert.source import Source, WeightReader


def chunk_encoder(
    source: Source, importances: Mapping[str, NDArray[np.float32]]
) -> Callable[[Chunk], Encoded]:
    """A function that reads a chunk and gives it in every type that it is wanted in.

    Several threads may call it at once.

    Args:
        source: what is converted; its weights are mapped.
        importances: those of the matrices' columns, where there are any, by name in GGUF.

    Raises:
        LocalqwqError: ggml cannot be used; from the function, values that a type cannot hold.
    """
    weights, quantizer = source.weights, Quantizer()

    def encode(chunk: Chunk) -> Encoded:
        tensor = source.tensors[chunk.task.index]
        importance = importances.get(tensor.target)
        stored = weights.stored_type(tensor)
        copied = {stored} & chunk.task.types if BLOCKS[stored][0] > 1 else set()
        try:
            encoded = {kind: _copied(weights, quantizer, tensor, chunk) for kind in copied}
            if changed := chunk.task.types - copied:
                rows = weights.rows(tensor, chunk.start, chunk.stop)
                encoded |= {kind: quantizer.quantize(rows, kind, importance) for kind in changed}
        except LocalqwqError as error:
            raise LocalqwqError(
                f"{weights.describe(tensor)} cannot be converted: {error}."
            ) from error
        weights.release(tensor, chunk.start, chunk.stop)
        return encoded

    return encode


def _copied(
    weights: WeightReader, quantizer: Quantizer, tensor: ExpectedTensor, chunk: Chunk
) -> NDArray[np.uint8]:
    """Blocks that are wanted in the type that they have: rounding them again would change them."""
    data = weights.stored_rows(tensor, chunk.start, chunk.stop).reshape(-1).copy()
    quantizer.check(data, weights.stored_type(tensor))
    return data


def read_ahead(source: Source, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The same chunks; the system begins to read each as it passes."""
    weights = source.weights
    for chunk in chunks:
        weights.prefetch(source.tensors[chunk.task.index], chunk.start, chunk.stop)
        yield chunk
