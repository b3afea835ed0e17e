"""The header of a safetensors file, checked before anything relies on it.

Format: eight bytes of header length, a JSON header, then the data of all tensors without gaps:
https://github.com/huggingface/safetensors#format
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.git_lfs import POINTER, check_content
from localqwq_convert.json_file import parse_object

MAX_HEADER = 1 << 24
"""Maximum bytes, enough for a hundred thousand tensors. The format's own limit, 100,000,000, would
let a hostile file fill the memory.
"""
MAX_RANK = 8
MAX_EXTENT = 1 << 40
_MAX_OFFSET = 1 << 62

_DTYPE_BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
"""Bits of one element, by the format's type names."""
DTYPE_BYTES = {name: bits // 8 for name, bits in _DTYPE_BITS.items() if bits >= 8}
"""Bytes of one element, for types with whole bytes."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a safetensors file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""
    path: Path
    offset: int
    """Position of the data in the file, in bytes."""
    bytes: int


def read_tensors(path: Path) -> dict[str, StoredTensor]:
    """Return the tensors of the safetensors file at ``path``, by name.

    Raises:
        LocalqwqError: the file is missing, damaged or truncated.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            first = stream.read(len(POINTER))
            check_content(path, first)
            length = int.from_bytes(first[:8], "little")
            stream.seek(8)
            if size < 8 or length > size - 8 or length > MAX_HEADER:
                raise _damaged(path, size, length)
            text = stream.read(length)
    except OSError as error:
        raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error
    header = parse_object(text, f"The header of {path}")
    header.pop("__metadata__", None)
    start = 8 + length
    tensors = {name: _tensor(path, name, entry, start) for name, entry in header.items()}
    _check_layout(path, list(tensors.values()), start, size)
    return tensors


def _damaged(path: Path, size: int, length: int) -> LocalqwqError:
    if size < 8:
        return LocalqwqError(
            f"{path} has {size} bytes, too few for safetensors: download it again."
        )
    if length > MAX_HEADER:
        return LocalqwqError(
            f"{path} is not a safetensors file: it claims a header of {length:,} bytes, and at "
            f"most {MAX_HEADER:,} are read."
        )
    return LocalqwqError(
        f"{path} is truncated: its header alone needs {8 + length:,} bytes and the file has "
        f"{size:,}; download it again."
    )


def _tensor(path: Path, name: str, entry: Any, start: int) -> StoredTensor:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [begin, end]}:
            pass
        case _:
            raise _wrong(path, name, "has an invalid description")
    if dtype not in _DTYPE_BITS:
        raise LocalqwqError(
            f"{path} has the tensor {ascii(name)[:80]} in the unknown type {ascii(dtype)[:40]}: "
            "only BF16, F16, F32 and F64 can be converted."
        )
    if len(shape) > MAX_RANK or not all(_is_count(extent, MAX_EXTENT) for extent in shape):
        raise _wrong(path, name, "has an impossible shape")
    if not (_is_count(begin, _MAX_OFFSET) and _is_count(end, _MAX_OFFSET) and begin <= end):
        raise _wrong(path, name, "has an impossible place")
    size = -(-prod(shape) * _DTYPE_BITS[dtype] // 8)
    if end - begin != size:
        raise _wrong(path, name, f"should have {size:,} bytes and has {end - begin:,}")
    return StoredTensor(name, dtype, tuple(shape), path, start + begin, size)


def _is_count(value: Any, most: int) -> bool:
    # Neither a float nor a Boolean, which Python would treat as a number.
    return type(value) is int and 0 <= value <= most


def _check_layout(path: Path, tensors: list[StoredTensor], start: int, size: int) -> None:
    """Check that the data has no gaps and no overlaps, and is complete."""
    expected = start
    for tensor in sorted(tensors, key=lambda tensor: (tensor.offset, tensor.bytes)):
        if tensor.offset != expected:
            raise _wrong(path, tensor.name, "does not start where the one before it ends")
        expected += tensor.bytes
    if size < expected:
        raise LocalqwqError(
            f"{path} is truncated: it should have {expected:,} bytes and has {size:,}; "
            "download it again."
        )
    if size > expected:
        raise LocalqwqError(
            f"{path} is damaged: it should have {expected:,} bytes and has {size:,}; "
            "download it again."
        )


def _wrong(path: Path, name: str, problem: str) -> LocalqwqError:
    return LocalqwqError(
        f"{path} is damaged: the tensor {ascii(name)[:80]} {problem}; download it again."
    )
