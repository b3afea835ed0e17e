"""The weights of a checkpoint as rows of F32, in the GGUF's order."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from localqwq_convert.architectures import ExpectedTensor
from localqwq_convert.checkpoint import F32Rows, as_f32
from localqwq_convert.low_rank import LowRank, rounded
from localqwq_convert.model import SourceModel
from localqwq_convert.permutation import row_order
from localqwq_convert.recipes import is_matrix
from localqwq_convert.safetensors import DTYPE_BYTES


@dataclass(frozen=True)
class Weights:
    """Read a model's weights; thread-safe."""

    model: SourceModel
    _orders: dict[tuple[int, int], NDArray[np.intp]] = field(default_factory=dict, repr=False)
    """Row orders by rows and heads: a model has one or two."""

    def element_bytes(self, tensor: ExpectedTensor) -> float:
        """Return the bytes of an element as stored."""
        if not tensor.source:
            return 4
        return DTYPE_BYTES[self.model.checkpoint.tensors[tensor.source].dtype]

    def stored_type(self, tensor: ExpectedTensor) -> str:
        """Return ggml's name of a matrix's type; everything else is F32, as llama.cpp requires."""
        if not tensor.source or not is_matrix(tensor.target, tensor.shape):
            return "F32"
        dtype = self.model.checkpoint.tensors[tensor.source].dtype
        return dtype if dtype in ("BF16", "F16") else "F32"

    def changes(self, tensor: ExpectedTensor) -> Iterator[bytes]:
        """Yield the adapter of a tensor, if it has one."""
        checkpoint = self.model.checkpoint
        if (product := checkpoint.products.get(tensor.source)) is not None:
            yield repr(product.scale).encode()
            for factor in (product.a, product.b):
                yield checkpoint.rows(factor, 0, factor.shape[0]).tobytes()

    def describe(self, tensor: ExpectedTensor) -> str:
        """Return where a tensor is, for errors."""
        if not tensor.source:
            return f"The tensor {tensor.target}"
        stored = self.model.checkpoint.tensors[tensor.source]
        return f"The tensor {ascii(stored.name)[:80]} in {stored.path}"

    def prefetch(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Make the system read these rows, without waiting."""
        if tensor.source:
            first, last = self._source_range(tensor, start, stop)
            self.model.checkpoint.prefetch(
                self.model.checkpoint.tensors[tensor.source], first, last
            )

    def rows(self, tensor: ExpectedTensor, start: int, stop: int) -> F32Rows:
        """Return rows ``start`` to ``stop`` of a tensor, as (rows, columns); a vector is one
        row.
        """
        if not tensor.source:
            values = self.model.computed[tensor.target]
            return np.ascontiguousarray(values.reshape(-1, tensor.shape[-1])[start:stop])
        checkpoint = self.model.checkpoint
        stored = checkpoint.tensors[tensor.source]
        first, last = self._source_range(tensor, start, stop)
        rows = checkpoint.rows(stored, first, last)
        if tensor.heads:
            order = self._order(tensor)
            vector = len(tensor.shape) == 1
            rows = rows[:, order] if vector else rows[order[start:stop] - first]
        values = as_f32(rows, stored.dtype)
        if (product := checkpoint.products.get(tensor.source)) is not None:
            indices = self._order(tensor)[start:stop] if tensor.heads else np.arange(start, stop)
            values = rounded(values + self._change(product, indices), stored.dtype)
        return values

    def _change(self, product: LowRank, indices: NDArray[np.intp]) -> F32Rows:
        """Return what an adapter adds to these rows; only the needed part of its factors is
        read.
        """
        first, last = int(indices.min()), int(indices.max()) + 1
        checkpoint, scale = self.model.checkpoint, np.float32(product.scale)
        a = checkpoint.rows(product.a, 0, product.a.shape[0])
        if product.transposed:
            b = as_f32(checkpoint.rows(product.b, 0, product.b.shape[0]), product.b.dtype)
            columns = as_f32(a[:, first:last], product.a.dtype)[:, indices - first]
            return columns.T @ b.T * scale
        b = as_f32(checkpoint.rows(product.b, first, last), product.b.dtype)
        return b[indices - first] @ as_f32(a, product.a.dtype) * scale

    def stored_rows(self, tensor: ExpectedTensor, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the bytes of rows ``start`` to ``stop`` as stored, in the checkpoint's order."""
        checkpoint = self.model.checkpoint
        return checkpoint.rows(checkpoint.tensors[tensor.source], start, stop).view(np.uint8)

    def release(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Let the system reclaim the memory of these rows."""
        if tensor.source:
            first, last = self._source_range(tensor, start, stop)
            self.model.checkpoint.release(self.model.checkpoint.tensors[tensor.source], first, last)

    def _source_range(self, tensor: ExpectedTensor, start: int, stop: int) -> tuple[int, int]:
        """Return the span of the checkpoint's rows that rows ``start`` to ``stop`` come from."""
        if not tensor.heads or len(tensor.shape) == 1:
            return start, stop
        order = self._order(tensor)[start:stop]
        return int(order.min()), int(order.max()) + 1

    def _order(self, tensor: ExpectedTensor) -> NDArray[np.intp]:
        rows = tensor.shape[0]
        # Two threads may make the same one concurrently, which is harmless.
        if (rows, tensor.heads) not in self._orders:
            self._orders[rows, tensor.heads] = row_order(rows, tensor.heads)
        return self._orders[rows, tensor.heads]
