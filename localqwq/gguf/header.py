"""The header of a GGUF file: its metadata and tensor infos.

The file is untrusted: every count, length and offset is checked against the bytes that are really
there before it is used, so a damaged or hostile file causes an error message, not a loss of memory
or time. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, Never

from localqwq.errors import FileProblem, Unsupported
from localqwq.gguf.types import BLOCKS, TYPE_NAMES, row_bytes

MAGIC = b"GGUF"
LFS_POINTER = b"version https://git-lfs"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32

MAX_ENTRIES = 1 << 16
"""Maximum metadata keys; real models have about forty."""
MAX_TENSORS = 1 << 20
MAX_ELEMENTS = 1 << 22
"""Maximum elements of one metadata array; the largest vocabularies have about 2^18."""
MAX_TEXT = 1 << 24
"""Maximum bytes of one string; a chat template has some thousands."""
MAX_NAME = 1 << 12
"""Maximum bytes of a key or tensor name."""
MAX_TYPE = 1 << 10
"""Maximum number of a tensor type; ggml has some forty, its forks use up to four hundred."""
MAX_ALIGNMENT = 1 << 20
MAX_HEADER = 1 << 28
"""Maximum bytes before the tensor data; a vocabulary of 2^18 with merges and scores takes 15
million.
"""
SHORT_ARRAY = 1024
"""Arrays up to this length are always read: they describe layers, not vocabularies."""
_KEPT = 4
"""Headers that are kept, since one load asks for the same one again and again."""
_SETTLED_S = 2.0
"""Age in seconds from which a file's times tell whether it has changed: they are only as fine as
the system's clock ticks.
"""

_STRING, _ARRAY = 8, 9
_NUMBERS = {
    number: struct.Struct("<" + code)
    for number, code in {
        0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
    }.items()
}  # fmt: skip
_U32, _U64 = _NUMBERS[4], _NUMBERS[10]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as described in the header."""

    name: str
    shape: tuple[int, ...]
    """Extents in ggml's order: the row length first."""
    type: str
    """ggml's name of the type, such as ``Q4_K``."""
    offset: int
    """Position of the data in the file, in bytes."""
    bytes: int

    @property
    def elements(self) -> int:
        """The number of weights in the tensor."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Header:
    """Everything before a GGUF's tensor data."""

    version: int
    metadata: Mapping[str, Any]
    """Values by key; long arrays only if they were requested."""
    lengths: Mapping[str, int]
    """Number of elements of every array, read or skipped."""
    tensors: tuple[Tensor, ...]
    data_offset: int
    """Offset of the tensor data, in bytes."""
    file_bytes: int
    entries: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Where each key with its value begins and ends in the file, in bytes."""


def read_header(path: Path, *, arrays: bool = False) -> Header:
    """Return the header of the GGUF file at ``path``, which is checked.

    A file that has not changed is not read again. Thread-safe.

    Args:
        path: the file.
        arrays: whether to read arrays longer than ``SHORT_ARRAY`` too, such as a tokenizer's
            tokens.

    Raises:
        LocalqwqError: the file is missing, not a GGUF, damaged or truncated.
    """
    if path.is_dir():
        raise FileProblem(path, "is a directory: name a .gguf file in it.")
    if not path.is_file():
        reason = "is not a regular file" if path.exists() else "does not exist"
        raise FileProblem(path, f"{reason}: name a .gguf file.")
    try:
        status = path.stat()
        if arrays or time.time() - max(status.st_mtime, status.st_ctime) < _SETTLED_S:
            return _read(path, arrays)
        return _read_once(path, _identity(status))
    except OSError as error:
        raise FileProblem(path, f"cannot be read: {error.strerror or error}.") from error


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes with a file's content; its time of change cannot be set back."""
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


@lru_cache(maxsize=_KEPT)
def _read_once(path: Path, _: tuple[int, ...]) -> Header:
    return _read(path, arrays=False)


def _read(path: Path, arrays: bool) -> Header:
    """Read and check a header; raises ``LocalqwqError`` and OSError."""
    with path.open("rb") as stream:
        if not stream.read(1):
            raise FileProblem(path, "is empty: download or convert it again.")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(path, data, arrays).header()


class _Reader:
    """A bounds-checked cursor over the mapped file."""

    def __init__(self, path: Path, data: mmap.mmap, arrays: bool) -> None:
        self._path = path
        self._data = data
        self._end = len(data)
        self._offset = 0
        self._arrays = arrays
        self._lengths: dict[str, int] = {}

    def header(self) -> Header:
        version = self._version()
        tensor_count = self._count("tensors", MAX_TENSORS)
        entry_count = self._count("metadata keys", MAX_ENTRIES)
        metadata: dict[str, Any] = {}
        spans: dict[str, tuple[int, int]] = {}
        for _ in range(entry_count):
            start = self._offset
            key = self._entry(metadata)
            spans[key] = (start, self._offset)
        alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
        if (
            not isinstance(alignment, int)
            or not 0 < alignment <= MAX_ALIGNMENT
            or alignment & (alignment - 1)
        ):
            self._fail(f"its alignment of {_shown(alignment)} is not a power of two")
        records = [self._tensor_record() for _ in range(tensor_count)]
        if len({name for name, *_ in records}) < tensor_count:
            self._fail("it has two tensors of the same name")
        data_offset = _padded(self._offset, alignment)
        tensors = self._placed(records, data_offset, alignment)
        return Header(version, metadata, self._lengths, tensors, data_offset, self._end, spans)

    def _version(self) -> int:
        magic = self._data[: len(MAGIC)]
        if magic != MAGIC and self._data[: len(LFS_POINTER)] == LFS_POINTER:
            raise FileProblem(
                self._path,
                "is a Git LFS pointer, not the file itself: run `git lfs pull` in its folder, "
                "or download the file.",
            )
        if magic != MAGIC:
            raise FileProblem(
                self._path, f"is not a GGUF file: it starts with {magic!r} instead of {MAGIC!r}."
            )
        self._offset = len(MAGIC)
        version = int(self._number(_U32))
        if version not in VERSIONS:
            what = "big-endian GGUF" if version and not version & 0xFFFF else f"GGUF v{version}"
            raise FileProblem(
                self._path,
                f"is a {what} file, and localqwq reads little-endian v2 and v3: "
                "convert the model again.",
            )
        return version

    def _entry(self, metadata: dict[str, Any]) -> str:
        """Read a key and its value; return the key."""
        key = self._text(MAX_NAME)
        if key in metadata or key in self._lengths:
            self._fail(f"the key {_shown(key)} occurs twice")
        kind = int(self._number(_U32))
        if kind == _ARRAY:
            self._array(key, metadata)
        elif kind == _STRING:
            metadata[key] = self._text(MAX_TEXT)
        elif kind in _NUMBERS:
            metadata[key] = self._number(_NUMBERS[kind])
        else:
            self._fail(f"the key {_shown(key)} has the unknown value type {kind}")
        return key

    def _array(self, key: str, metadata: dict[str, Any]) -> None:
        kind = int(self._number(_U32))
        count = self._count(f"elements in {_shown(key)}", MAX_ELEMENTS)
        self._lengths[key] = count
        wanted = self._arrays or count <= SHORT_ARRAY
        if kind == _STRING:
            if wanted:
                metadata[key] = [self._text(MAX_TEXT) for _ in range(count)]
            else:
                self._skip_texts(count)
        elif kind in _NUMBERS:
            layout = struct.Struct(f"<{count}{_NUMBERS[kind].format[-1]}")
            start = self._take(layout.size)
            if wanted:
                metadata[key] = list(layout.unpack_from(self._data, start))
        else:
            self._fail(f"the key {_shown(key)} is an array of the unsupported value type {kind}")

    def _tensor_record(self) -> tuple[str, tuple[int, ...], str, int]:
        """Return name, shape, type name, and offset from the start of the data."""
        name = self._text(MAX_NAME)
        dimensions = int(self._number(_U32))
        if not 1 <= dimensions <= 4:
            self._fail(f"the tensor {_shown(name)} has {dimensions} dimensions")
        shape = tuple(int(self._number(_U64)) for _ in range(dimensions))
        if not 0 < prod(shape) < 1 << 62:
            self._fail(f"the tensor {_shown(name)} has the impossible shape {shape}")
        type_name = self._type_name(name, int(self._number(_U32)))
        if shape[0] % BLOCKS[type_name][0]:
            self._fail(f"the rows of the tensor {_shown(name)} are not whole {type_name} blocks")
        return name, shape, type_name, int(self._number(_U64))

    def _type_name(self, tensor: str, number: int) -> str:
        name = TYPE_NAMES.get(number)
        if name in BLOCKS:
            return str(name)
        if number > MAX_TYPE:
            self._fail(f"the tensor {_shown(tensor)} has the impossible type {number}")
        raise Unsupported(
            self._path,
            f"uses a type that this version does not know ({name or f'number {number}'}, of the "
            f"tensor {_shown(tensor)}): update localqwq, or choose another quantization.",
        )

    def _placed(
        self,
        records: list[tuple[str, tuple[int, ...], str, int]],
        data_offset: int,
        alignment: int,
    ) -> tuple[Tensor, ...]:
        """Return the tensors after checking that they are contiguous (llama.cpp's own rule)."""
        tensors: list[Tensor] = []
        expected = 0
        needed = self._offset
        for name, shape, type_name, offset in records:
            if offset != expected:
                self._fail(f"the tensor {_shown(name)} does not start where the one before it ends")
            size = row_bytes(type_name, shape[0]) * prod(shape[1:])
            tensors.append(Tensor(name, shape, type_name, data_offset + offset, size))
            needed = data_offset + offset + size
            expected = _padded(offset + size, alignment)
        if needed > self._end:
            self._truncated(needed, "")
        return tuple(tensors)

    def _count(self, what: str, limit: int) -> int:
        count = int(self._number(_U64))
        if count > limit:
            self._fail(f"it claims {count:,} {what}, more than {limit:,}")
        return count

    def _text(self, limit: int) -> str:
        length = int(self._number(_U64))
        if length > limit:
            self._fail(f"it claims a text of {length:,} bytes, more than {limit:,}")
        start = self._take(length)
        return self._data[start : start + length].decode("utf-8", errors="replace")

    def _skip_texts(self, count: int) -> None:
        # The one hot loop: a vocabulary has 150,000 tokens and as many merges.
        offset, last, data, unpack = self._offset, self._end - 8, self._data, _U64.unpack_from
        for _ in range(count):
            if offset > last:
                self._truncated(offset + 8, "at least ")
            offset += 8 + unpack(data, offset)[0]
        self._advance(offset)

    def _number(self, layout: struct.Struct) -> Any:
        return layout.unpack_from(self._data, self._take(layout.size))[0]

    def _take(self, size: int) -> int:
        start = self._offset
        self._advance(start + size)
        return start

    def _advance(self, offset: int) -> None:
        if offset > self._end:
            self._truncated(offset, "at least ")
        if offset > MAX_HEADER:
            self._fail(f"its header is longer than {MAX_HEADER:,} bytes")
        self._offset = offset

    def _truncated(self, needed: int, least: str) -> Never:
        raise FileProblem(
            self._path,
            f"is truncated: it should have {least}{needed:,} bytes but has "
            f"{self._end:,}; download or convert it again.",
        )

    def _fail(self, problem: str) -> Never:
        raise FileProblem(
            self._path, f"is a damaged GGUF file: {problem}; download or convert it again."
        )


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _shown(value: object) -> str:
    """Return a value from the file, made safe and short enough for a message."""
    return ascii(value)[:80]
