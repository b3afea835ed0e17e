"""A digest of the weights that a pack was made from: a different one means a different model.

A fine-tuned checkpoint has the same configuration and sizes as before; only the weights differ.
"""

import hashlib

from localqwq_convert.architectures import ExpectedTensor
from localqwq_convert.chunks import Chunk
from localqwq_convert.flow import Encoded
from localqwq_convert.source import Source

_STEP = 1 << 24
"""Bytes read at a time for tensors that were not converted in this run."""


class WeightsDigest:
    """SHA-256 of a model's weights as stored, however they are spread over files.

    Computed along with a conversion: ``add`` is one of its sinks, so each chunk is in memory
    already.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._weights = source.weights
        self._running = hashlib.sha256()
        self._finished: dict[int, str] = {}
        """Digests by the tensor's number in the file."""

    def add(self, chunk: Chunk, encoded: Encoded) -> None:
        """Add the next chunk; they come in order, all of a tensor's or none."""
        tensor = self._source.tensors[chunk.task.index]
        if chunk.start == 0:
            self._running = hashlib.sha256()
        self._read(tensor, chunk.start, chunk.stop)
        if chunk.last:
            self._finished[chunk.task.index] = self._running.hexdigest()

    def hexdigest(self) -> str:
        """Return the digest, reading tensors that an earlier run converted."""
        whole = hashlib.sha256()
        for index, tensor in enumerate(self._source.tensors):
            if not tensor.source:
                continue
            if index not in self._finished:
                self._finished[index] = self._read_all(tensor)
            whole.update(f"{tensor.target} {self._finished[index]}\n".encode())
            for change in self._weights.changes(tensor):
                whole.update(change)
        return whole.hexdigest()

    def _read_all(self, tensor: ExpectedTensor) -> str:
        self._running = hashlib.sha256()
        rows = tensor.shape[0] if len(tensor.shape) > 1 else 1
        row_bytes = int(tensor.shape[-1] * self._weights.element_bytes(tensor))
        step = max(1, _STEP // row_bytes)
        for start in range(0, rows, step):
            self._read(tensor, start, min(start + step, rows))
        return self._running.hexdigest()

    def _read(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        if tensor.source:
            self._running.update(self._weights.stored_rows(tensor, start, stop).data)
            self._weights.release(tensor, start, stop)
