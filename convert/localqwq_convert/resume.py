"""Where an unfinished output can continue: which part of it on the disk is correct."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import FileIO

from localqwq_convert.partial import hidden_path, readable_errors
from localqwq_convert.plan import PlannedFile, PlannedOutput

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Position:
    """The progress of an output."""

    tensors: int = 0
    """Number of finished tensors."""
    hashes: list[str] = field(default_factory=list)
    """SHA-256 of every complete file."""
    size: int = 0
    """Bytes of the next file that can be kept; 0 to start it."""
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    """SHA-256 of these bytes."""
    bytes: int = 0
    """Bytes of all files that can be kept."""


def find_position(output: PlannedOutput, digests: Sequence[str]) -> Position:
    """Read the existing data of ``output``, and return how far it agrees with its journal.

    Args:
        output: the output to create.
        digests: the journal's SHA-256 for each finished tensor.
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
    """Return the number of correct tensors, the bytes they end at, and the SHA-256 up to there."""
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
    """Hash the next ``size`` bytes, or as many as there are."""
    buffer = memoryview(bytearray(min(size, _BLOCK)))
    while size and (read := stream.readinto(buffer[: min(size, _BLOCK)])):
        digest.update(buffer[:read])
        size -= read
