"""Encoding chunks of a model's weights in ggml's types."""

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
    """Return a thread-safe function that reads a chunk and encodes it in all its target types.

    Args:
        source: the model to convert, with mapped weights.
        importances: importances of the matrices' columns, by name in GGUF.

    Raises:
        LocalqwqError: ggml cannot be used; from the function, values that a type cannot represent.
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
    """Return blocks unchanged that already have the target type: requantizing would change them."""
    data = weights.stored_rows(tensor, chunk.start, chunk.stop).reshape(-1).copy()
    quantizer.check(data, weights.stored_type(tensor))
    return data


def read_ahead(source: Source, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the same chunks, making the system start to read each as it passes."""
    weights = source.weights
    for chunk in chunks:
        weights.prefetch(source.tensors[chunk.task.index], chunk.start, chunk.stop)
        yield chunk
