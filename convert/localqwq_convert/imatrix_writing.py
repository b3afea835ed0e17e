"""Writing an importance matrix as llama-imatrix does, in GGUF."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from gguf.constants import GGUFValueType
from numpy.typing import NDArray

from localqwq_convert.header import (
    Entry,
    OutputTensor,
    encode_entries,
    encode_header,
    padding,
)
from localqwq_convert.partial import PartialFile


def write_imatrix(
    path: Path,
    sums: Mapping[str, NDArray[np.float32]],
    counts: Mapping[str, int],
    *,
    datasets: Sequence[str],
    chunks: int,
    chunk_size: int,
) -> None:
    """Write an importance matrix; the file appears when it is complete.

    Args:
        path: the file.
        sums: the sum of squares of each column's inputs, by the tensor's name in GGUF.
        counts: the rows in each sum.
        datasets: names of the texts.
        chunks: number of chunks of text.
        chunk_size: tokens of a chunk.

    Raises:
        LocalqwqError: it cannot be written.
    """
    metadata = [
        Entry("general.type", GGUFValueType.STRING, "imatrix"),
        Entry("imatrix.datasets", GGUFValueType.STRING, list(datasets)),
        Entry("imatrix.chunk_count", GGUFValueType.UINT32, chunks),
        Entry("imatrix.chunk_size", GGUFValueType.UINT32, chunk_size),
    ]
    arrays = dict(_arrays(sums, counts))
    tensors = [OutputTensor(name, array.shape, "F32") for name, array in arrays.items()]
    file = PartialFile(path)
    file.create()
    try:
        for piece in encode_header([encode_entries(metadata)], tensors):
            file.write(piece)
        for array in arrays.values():
            data = array.tobytes()
            file.write(data + bytes(padding(len(data))))
    finally:
        file.close()
    file.sync()
    file.publish()


def _arrays(
    sums: Mapping[str, NDArray[np.float32]], counts: Mapping[str, int]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name in sorted(sums):
        yield f"{name}.in_sum2", sums[name].astype("<f4")
        yield f"{name}.counts", np.array([counts[name]], "<f4")
