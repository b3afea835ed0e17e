"""The bytes before a GGUF's tensor data: metadata and tensor infos.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from gguf.constants import GGMLQuantizationType, GGUFValueType

from localqwq.gguf.types import row_bytes

ALIGNMENT = 32
"""Bytes; llama.cpp's default, which needs no key."""

Scalar = str | int | float | bool

_FORMATS = {
    GGUFValueType.UINT8: "B",
    GGUFValueType.INT8: "b",
    GGUFValueType.UINT16: "H",
    GGUFValueType.INT16: "h",
    GGUFValueType.UINT32: "I",
    GGUFValueType.INT32: "i",
    GGUFValueType.UINT64: "Q",
    GGUFValueType.INT64: "q",
    GGUFValueType.FLOAT32: "f",
    GGUFValueType.FLOAT64: "d",
    GGUFValueType.BOOL: "?",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the metadata."""

    key: str
    type: GGUFValueType
    """Type of the value, or of each element of a sequence."""
    value: Scalar | Sequence[Scalar]


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """A tensor of the file to write."""

    name: str
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""
    type: str
    """ggml's name of the type."""

    @property
    def bytes(self) -> int:
        """Size of the data, without padding."""
        return row_bytes(self.type, self.shape[-1]) * prod(self.shape[:-1])

    @property
    def stored_bytes(self) -> int:
        """Size of the data and the padding after it."""
        return self.bytes + padding(self.bytes)


def padding(size: int) -> int:
    """Return the padding after ``size`` bytes up to the next aligned position."""
    return -size % ALIGNMENT


@dataclass(frozen=True, slots=True)
class Block:
    """Encoded keys of a header: files that share keys can share their bytes."""

    entries: int
    data: bytes


def encode_entries(entries: Sequence[Entry]) -> Block:
    """Return the keys as a GGUF stores them."""
    return Block(len(entries), b"".join(_entry(entry) for entry in entries))


def encode_header(metadata: Sequence[Block], tensors: Sequence[OutputTensor]) -> tuple[bytes, ...]:
    """Return everything before the file's tensor data, padded, in consecutive pieces."""
    entries = sum(block.entries for block in metadata)
    start = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), entries)
    records = b"".join(_tensor_records(tensors))
    pieces = (start, *(block.data for block in metadata), records)
    return (*pieces, bytes(padding(sum(map(len, pieces)))))


def _entry(entry: Entry) -> bytes:
    key = _text(entry.key)
    value = entry.value
    if isinstance(value, Scalar):
        return key + struct.pack("<I", entry.type) + _values(entry.type, [value])
    head = struct.pack("<IIQ", GGUFValueType.ARRAY, entry.type, len(value))
    return key + head + _values(entry.type, value)


def _values(kind: GGUFValueType, values: Sequence[Scalar]) -> bytes:
    if kind is GGUFValueType.STRING:
        return b"".join(_text(str(value)) for value in values)
    return struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)


def _text(text: str) -> bytes:
    # Vocabularies are byte-level and thus valid; a lone surrogate in a name must not be fatal.
    encoded = text.encode("utf-8", errors="replace")
    return struct.pack("<Q", len(encoded)) + encoded


def _tensor_records(tensors: Sequence[OutputTensor]) -> Iterable[bytes]:
    offset = 0
    for tensor in tensors:
        rank = len(tensor.shape)
        yield _text(tensor.name) + struct.pack(
            f"<I{rank}QIQ",
            rank,
            *reversed(tensor.shape),
            GGMLQuantizationType[tensor.type],
            offset,
        )
        offset += tensor.stored_bytes
