"""The weights of a GGUF file as rows of F32."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from localqwq.gguf.types import BLOCKS, row_bytes
from localqwq_convert.architectures import ExpectedTensor
from localqwq_convert.checkpoint import as_f32
from localqwq_convert.mapped_files import MappedFiles
from localqwq_convert.quantizer import Quantizer
from localqwq_convert.source import F32Rows

_PLAIN: Mapping[str, np.dtype[np.generic]] = {
    "BF16": np.dtype(np.uint16),
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
}
"""numpy's types for plain types; it has no BF16."""


@dataclass(frozen=True, slots=True)
class PlacedTensor:
    """A tensor in a file."""

    name: str
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""
    type: str
    """ggml's name of the type."""
    path: Path
    offset: int
    """Position of the data in the file, in bytes."""


@dataclass(frozen=True)
class GgufWeights:
    """Read tensors by name; thread-safe."""

    placed: Mapping[str, PlacedTensor]
    files: MappedFiles = field(default_factory=MappedFiles)

    def element_bytes(self, tensor: ExpectedTensor) -> float:
        """Return the bytes of an element as stored; fractional for blocks."""
        elements, size = BLOCKS[self.stored_type(tensor)]
        return size / elements

    def stored_type(self, tensor: ExpectedTensor) -> str:
        """Return ggml's name of the type in the file."""
        return self.placed[tensor.source].type

    def changes(self, tensor: ExpectedTensor) -> Iterator[bytes]:
        """Yield nothing: the values are the stored ones."""
        yield from ()

    def describe(self, tensor: ExpectedTensor) -> str:
        """Return where a tensor is, for errors."""
        place = self.placed[tensor.source]
        return f"The tensor {ascii(place.name)[:80]} in {place.path}"

    def prefetch(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Make the system read these rows, without waiting."""
        self.files.prefetch(*self._place(tensor, start, stop))

    def rows(self, tensor: ExpectedTensor, start: int, stop: int) -> F32Rows:
        """Return rows ``start`` to ``stop`` of a tensor, as (rows, columns); a vector is one
        row.
        """
        kind, columns = self.stored_type(tensor), tensor.shape[-1]
        path, offset, size = self._place(tensor, start, stop)
        if dtype := _PLAIN.get(kind):
            values = self.files.view(path, dtype, size // dtype.itemsize, offset)
            return as_f32(values.reshape(-1, columns), kind)
        blocks = self.stored_rows(tensor, start, stop).reshape(-1)
        return self._quantizer.dequantize(blocks, kind).reshape(-1, columns)

    def stored_rows(self, tensor: ExpectedTensor, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the bytes of these rows as stored."""
        path, offset, size = self._place(tensor, start, stop)
        return self.files.view(path, np.dtype(np.uint8), size, offset).view(np.uint8)

    def release(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Let the system reclaim the memory of these rows."""
        self.files.release(*self._place(tensor, start, stop))

    def _place(self, tensor: ExpectedTensor, start: int, stop: int) -> tuple[Path, int, int]:
        """Return file, position and size of these rows."""
        place = self.placed[tensor.source]
        size = row_bytes(place.type, tensor.shape[-1])
        return place.path, place.offset + start * size, (stop - start) * size

    @cached_property
    def _quantizer(self) -> Quantizer:
        return Quantizer()
