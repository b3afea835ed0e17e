"""Writes importance matrices as llama-imatrix does, in both of its formats."""

import struct
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

COUNT = 512
"""Times that every column was seen; a power of two, so that sums lose nothing."""


def write_imatrix(
    path: Path,
    means: Mapping[str, NDArray[np.float32]],
    *,
    datasets: tuple[str, ...] = ("wiki.txt",),
    chunks: int = 7,
) -> None:
    """Write a GGUF file whose sums give these means."""
    writer = gguf.GGUFWriter(path, "imatrix")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", list(datasets))
    writer.add_uint32("imatrix.chunk_count", chunks)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, values in means.items():
        writer.add_tensor(f"{name}.in_sum2", (values * np.float32(COUNT))[np.newaxis])
        writer.add_tensor(f"{name}.counts", np.full((1, 1), COUNT, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def legacy_bytes(
    means: Mapping[str, NDArray[np.float32]], *, calls: int = 4, chunks: int = 7, dataset: str = ""
) -> bytes:
    """A binary file from before GGUF."""
    parts = [struct.pack("<i", len(means))]
    for name, values in means.items():
        text = name.encode()
        parts += [struct.pack("<i", len(text)), text, struct.pack("<ii", calls, len(values))]
        parts.append((values * np.float32(calls)).astype("<f4").tobytes())
    text = dataset.encode()
    return b"".join([*parts, struct.pack("<ii", chunks, len(text)), text])
