"""Where an unfinished output can go on: what of it is on the disk and as it should be."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import FileIO

from localqwq_convert.partial import hidden_path, readable_errors
from localqwq_convert.plan import PlannedFile, PlannedOutput

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Position:
    """How far an output is."""

    tensors: int = 0
    """Tensors that are finished."""
    hashes: list[str] = field(default_factory=list)
    """SHA-256 of every file that is complete."""
    size: int = 0
    """Bytes of the next file that can stay; 0 if it has to begin."""
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    """SHA-256 of these bytes."""
    bytes: int = 0
    """Bytes of all files that can stay."""


def find_position(output: PlannedOutput, digests: Sequence[str]) -> Position:
    """Read what is there of ``output``, and see how far it agrees with its journal.

    Args:
        output: what is being made.
        digests: the journal's SHA-256 for each tensor that it calls finished.
    """
    tensors, total = 0, 0
    hashes: list[str] = []
    for file in output.files:
        count, size, digest = _check_file(file, digests[tensors : tensors + len(file.tensors)])
        tensors += count
        total += size
        if count < len(file.tensors):
            return Position(tensors, hashes, size, digest, total)
        hashes.append(digest.hexdigest())
    return Position(tensors, hashes, bytes=total)


def _check_file(file: PlannedFile, digests: Sequence[str]) -> tuple[int, int, "hashlib._Hash"]:
    """Tensors that are as they should be, the bytes they end at, and the SHA-256 up to there."""
    good, count, size = hashlib.sha256(), 0, 0
    path = hidden_path(file.path)
    if not digests or not path.is_file():
        return count, size, good
    with readable_errors(path), FileIO(path) as stream:
        digest = hashlib.sha256()
        end = sum(map(len, file.header))
        _hash(stream, end, digest)
        for tensor, expected in zip(file.tensors, digests, strict=False):
            _hash(stream, tensor.stored_bytes, digest)
            if digest.hexdigest() != expected:
                break
            end += tensor.stored_bytes
            good, count, size = digest.copy(), count + 1, end
    return count, size, good


def _hash(stream: FileIO, size: int, digest: "hashlib._Hash") -> None:
    """Hash the next ``size`` bytes, or what there is of them."""
    buffer = memoryview(bytearray(min(size, _BLOCK)))
    while size and (read := stream.readinto(buffer[: min(size, _BLOCK)])):
        digest.update(buffer[:read])
        size -= read
