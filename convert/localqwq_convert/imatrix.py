"""Importance matrices: how much an error in each column of a matrix matters, measured on text.

Both formats are read like llama.cpp's ``common/imatrix-loader.cpp`` and
``tools/quantize/quantize.cpp`` do: GGUF, and the older binary one. The file is untrusted: every
length is checked against the bytes that are there, and every value against what ggml's kernels
survive.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Never

import numpy as np
from gguf.constants import GGUFValueType
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.gguf.header import MAGIC, Tensor, read_header
from localqwq_convert.header import Entry

MAX_BYTES = 1 << 30
"""Maximum bytes of a file; that of a dense model of 70 billion parameters has 50 million."""
MAX_IMPORTANCE = 1e20
"""Kernels end the process if their sums of squares overflow, from about 1e30."""
MAX_TEXT = 127
"""Bytes of a text that llama-quantize keeps."""

_KEYS = ("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")
_SUMS, _COUNTS = ".in_sum2", ".counts"
_INT = struct.Struct("<i")

Importances = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Imatrix:
    """A checked importance matrix."""

    path: Path
    """Its path as given."""
    datasets: tuple[str, ...]
    """The texts it was measured on."""
    chunks: int
    """Number of text chunks it was measured on; 0 if unknown."""
    values: Mapping[str, Importances]
    """Mean squares of each column's inputs, by the tensor's name in GGUF."""

    def importance(self, name: str, shape: tuple[int, ...]) -> Importances | None:
        """Return the importances of a matrix's columns, or None if there are none.

        Args:
            name: the tensor's name in GGUF.
            shape: (rows, columns).

        Raises:
            LocalqwqError: there are more or fewer than columns: it is for another model.
        """
        found = self.values.get(name)
        if found is None or len(found) == shape[-1]:
            return found
        if name == "token_embd.weight":
            # Its rows are looked up, not multiplied; llama.cpp skips it too.
            return None
        raise LocalqwqError(
            f"{self.path} has {len(found):,} importances for {name}, whose rows have "
            f"{shape[-1]:,} values: it was made for another model."
        )


def imatrix_metadata(imatrix: Imatrix) -> list[Entry]:
    """Return llama-quantize's metadata about the matrix, for the end of the metadata."""
    entries = [Entry("quantize.imatrix.file", GGUFValueType.STRING, _short(str(imatrix.path)))]
    if imatrix.datasets:
        dataset = _short(imatrix.datasets[0])
        entries.append(Entry("quantize.imatrix.dataset", GGUFValueType.STRING, dataset))
    counts = [("entries_count", len(imatrix.values)), ("chunks_count", imatrix.chunks)]
    entries += (
        Entry(f"quantize.imatrix.{name}", GGUFValueType.UINT32, count)
        for name, count in counts
        if count
    )
    return entries


def read_imatrix(path: Path) -> Imatrix:
    """Read the importance matrix in ``path``.

    Raises:
        LocalqwqError: the file is missing, damaged, truncated or something else.
    """
    if not path.is_file():
        reason = "is not a regular file" if path.exists() else "does not exist"
        raise LocalqwqError(f"{path} {reason}: name a file that llama-imatrix made.")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LocalqwqError(f"{path} has {size:,} bytes, too many for an importance matrix.")
        with path.open("rb") as stream:
            if not stream.read(1):
                raise LocalqwqError(f"{path} is empty: download or make it again.")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                if data[: len(MAGIC)] == MAGIC:
                    return _read_gguf(path, data)
                return _LegacyReader(path, data).imatrix()
    except OSError as error:
        raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error


def _read_gguf(path: Path, data: mmap.mmap) -> Imatrix:
    header = read_header(path)
    datasets, chunks, chunk_size = (header.metadata.get(key) for key in _KEYS)
    if not isinstance(chunks, int) or not isinstance(chunk_size, int) or datasets is None:
        raise LocalqwqError(
            f"{path} is a GGUF file but no importance matrix: name one that llama-imatrix made."
        )
    if not isinstance(datasets, list) or not all(isinstance(text, str) for text in datasets):
        raise _damaged(path, "its data sets are not a list of texts")
    tensors = {tensor.name: tensor for tensor in header.tensors}
    names = {
        tensor.removesuffix(ending)
        for tensor in tensors
        for ending in (_SUMS, _COUNTS)
        if tensor.endswith(ending)
    }
    values: dict[str, Importances] = {}
    for name in sorted(names):
        sums, counts = tensors.get(name + _SUMS), tensors.get(name + _COUNTS)
        if sums is None or counts is None or not sums.type == counts.type == "F32":
            raise _damaged(path, f"its sums and counts for {_shown(name)} do not match")
        means = _means(_numbers(data, sums), _numbers(data, counts))
        values[name] = _checked(path, name, means)
    if not values:
        raise LocalqwqError(f"{path} holds no importances: make it again with llama-imatrix.")
    return Imatrix(path, tuple(datasets), max(chunks, 0), values)


def _numbers(data: mmap.mmap, tensor: Tensor) -> Importances:
    stop = tensor.offset + tensor.bytes
    return np.frombuffer(data[tensor.offset : stop], dtype="<f4", count=prod(tensor.shape))


def _means(sums: Importances, counts: Importances) -> Importances:
    """Return sums divided by counts, (values,); empty if they do not match.

    Each count belongs to an equal share of the sums. Where nothing was counted, all columns matter
    equally.
    """
    if len(sums) % len(counts) or not np.isfinite(counts).all():
        return np.empty(0, dtype=np.float32)
    # lround, and back to F32, as in llama.cpp
    rounded = np.floor(counts.astype(np.float64) + 0.5).astype(np.float32)[:, np.newaxis]
    counted = rounded > 0
    shares = sums.reshape(len(counts), -1) / np.where(counted, rounded, np.float32(1))
    return np.where(counted, shares, np.float32(1)).reshape(-1)


class _LegacyReader:
    """A bounds-checked cursor over a binary file from before GGUF."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path = path
        self._data = data
        self._offset = 0

    def imatrix(self) -> Imatrix:
        values: dict[str, Importances] = {}
        for _ in range(self._count()):
            name = self._text(self._int())
            calls = self._int()
            sums = np.frombuffer(self._take(4 * self._count()), dtype="<f4")
            means = np.divide(sums, max(calls, 1), dtype=np.float32)
            values[name] = _checked(self._path, name, means)
        chunks = 0
        datasets: tuple[str, ...] = ()
        # The oldest files lack both.
        if self._left() >= _INT.size:
            chunks = max(self._int(), 0)
        if self._left() >= _INT.size and 0 < (length := self._int()) <= self._left():
            datasets = (self._text(length),)
        return Imatrix(self._path, datasets, chunks, values)

    def _left(self) -> int:
        return len(self._data) - self._offset

    def _int(self) -> int:
        return int(_INT.unpack(self._take(_INT.size))[0])

    def _count(self) -> int:
        count = self._int()
        return count if count > 0 else self._fail()

    def _text(self, length: int) -> str:
        return self._take(length).partition(b"\0")[0].decode("utf-8", errors="replace")

    def _take(self, size: int) -> bytes:
        if not 0 <= size <= self._left():
            self._fail()
        start = self._offset
        self._offset += size
        return self._data[start : self._offset]

    def _fail(self) -> Never:
        raise LocalqwqError(
            f"{self._path} is truncated, or no importance matrix: name a file that llama-imatrix "
            "made, or make it again."
        )


def _checked(path: Path, name: str, values: Importances) -> Importances:
    if not len(values) or not np.isfinite(values).all():
        raise _damaged(path, f"its sums for {_shown(name)} are not numbers")
    # A mean of squares: negative or absurdly large values would end the process in ggml.
    if values.min() < 0 or values.max() > MAX_IMPORTANCE:
        raise _damaged(path, f"its sums for {_shown(name)} are not sums of squares")
    return np.ascontiguousarray(values, dtype=np.float32)


def _damaged(path: Path, problem: str) -> LocalqwqError:
    return LocalqwqError(
        f"{path} is a damaged importance matrix: {problem}; download or make it again."
    )


def _short(text: str) -> str:
    return text.encode("utf-8", errors="replace")[:MAX_TEXT].decode("utf-8", errors="ignore")


def _shown(name: str) -> str:
    return ascii(name)[:80]
