"""Pieces of states on disk: one private file each, either complete or absent.

A file has a header (magic, version, counts, key, parent), the tokens, a digest of both, the blob,
and a digest of everything. Numbers are in the machine's byte order, as in llama.cpp's blobs: files
from another machine have an unknown version. Files come and go at any time, since several processes
may share the directory; nothing found in it raises an error.
"""

import contextlib
import hashlib
import os
import re
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from localqwq.durable import sync
from localqwq.engine.states.daily_writes import DailyWrites
from localqwq.engine.states.packed import TOKEN_BYTES, beyond
from localqwq.engine.states.pieces import Blob, piece_id

T = TypeVar("T")

_MAGIC = b"localqwq"
_VERSION = 2
_HEAD = struct.Struct("=8sIQIQ16s16s")
"""Magic, version, first position, tokens, bytes of the blob, key, parent's id."""
_DIGEST_BYTES = 32
_MOST_TOKENS = 1 << 24
_CHUNK = 8 << 20
_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\.state")
_TEMPORARY = ".writing-"
_ABANDONED_S = 3600
_USE_STEP_NS = 1000
"""Between the times of use of a piece and of the next: some file systems count microseconds."""
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # pipes must not block


class _Damaged(Exception):
    """A file is not what its name promises."""


@dataclass(frozen=True, slots=True)
class PieceHeader:
    """What a file says about its piece before the blob."""

    key: str
    """32 hexadecimal digits, as the ids."""
    parent: str
    start: int
    tokens: bytes
    """Packed."""
    size: int
    """Bytes of the blob."""

    @property
    def id(self) -> str:
        """The piece's id."""
        return piece_id(self.parent, self.start, self.tokens)

    @property
    def name(self) -> str:
        """The file's name."""
        return file_name(self.key, self.id)

    @property
    def file_bytes(self) -> int:
        """The file's size."""
        return _HEAD.size + len(self.tokens) + self.size + 2 * _DIGEST_BYTES

    def packed(self) -> bytes:
        """Return the beginning of the file, up to and with the tokens."""
        count = len(self.tokens) // TOKEN_BYTES
        ids = (bytes.fromhex(one) for one in (self.key, self.parent))
        return _HEAD.pack(_MAGIC, _VERSION, self.start, count, self.size, *ids) + self.tokens


def file_name(key: str, id_: str) -> str:
    """Return the name of the file for the piece with this id."""
    return f"{key}-{id_}.state"


class StateFiles:
    """The files in one directory. Keeps nothing in memory, hence thread-safe."""

    def __init__(self, directory: Path, limit: int, daily: int) -> None:
        """Set up; ``limit``: bytes of all files together, enforced by deleting the least recently
        used; ``daily``: bytes written in a day.
        """
        self._directory = directory
        self._limit = limit
        self._daily = DailyWrites(directory, daily)

    def clean(self) -> None:
        """Remove files beyond the limit and half-written ones of killed processes."""
        self._daily.clean()
        with contextlib.suppress(OSError):
            self._make_room(0)
            before = time.time() - _ABANDONED_S
            for path, status in self._statuses():
                if path.name.startswith(_TEMPORARY) and status.st_mtime < before:
                    self.remove(path.name)

    def changed(self) -> int | None:
        """Return when a file was last added or removed, in nanoseconds; ``None`` without a
        directory.
        """
        try:
            return self._directory.stat().st_mtime_ns
        except OSError:
            return None

    def names(self, key: str) -> set[str]:
        """Return the names of all files of a key."""
        try:
            return {path.name for path in self._directory.iterdir() if _is_of(key, path.name)}
        except OSError:
            return set()

    def header(self, name: str) -> PieceHeader | None:
        """Return what a file says about its piece, without reading the blob.

        ``None``: it has vanished, or was damaged and has been removed.
        """
        return self._read(name, lambda stream: _beginning(stream, name, self._limit)[0])

    def blob(self, name: str) -> bytearray | None:
        """Return a file's blob; ``None`` as in :meth:`header`."""

        def read(stream: BufferedReader) -> bytearray:
            header, digest = _beginning(stream, name, self._limit)
            blob = bytearray(header.size)
            view = memoryview(blob)
            for start in range(0, header.size, _CHUNK):
                chunk = view[start : start + _CHUNK]
                if stream.readinto(chunk) != len(chunk):
                    raise _Damaged
                digest.update(chunk)
            if stream.read(_DIGEST_BYTES) != digest.digest():
                raise _Damaged
            return blob

        return self._read(name, read)

    def accepts(self, size: int) -> bool:
        """Return whether a blob of this size may be written today."""
        return size <= min(self._limit, self._daily.left())

    def write(self, header: PieceHeader, blob: Blob, ancestors: Sequence[str] = ()) -> bool:
        """Write a piece after making room for it; return whether that succeeded.

        ``ancestors``: the files that it needs, from the conversation's beginning on; they stay. On
        failure (disk full, no permission, beyond a limit) nothing is left behind.
        """
        size = header.file_bytes
        if len(header.tokens) // TOKEN_BYTES > _MOST_TOKENS or not self.accepts(size):
            return False
        if size + self._bytes(ancestors) > self._limit:
            return False
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(size, frozenset(ancestors))
            self._daily.add(size)
            self._write(self._directory / header.name, header.packed(), memoryview(blob))
        except OSError:
            return False
        self.touch([*ancestors, header.name])
        return True

    def touch(self, names: Sequence[str]) -> None:
        """Mark a conversation's files, from its beginning on, as used now; the last go first."""
        now = time.time_ns()
        for age, name in enumerate(names):
            used = now - age * _USE_STEP_NS
            with contextlib.suppress(OSError):
                os.utime(self._directory / name, ns=(used, used))

    def remove(self, name: str) -> None:
        """Delete a file, if possible."""
        with contextlib.suppress(OSError):
            (self._directory / name).unlink()

    def _write(self, path: Path, head: bytes, blob: memoryview) -> None:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as stream:
                for piece in _pieces(head, blob):
                    stream.write(piece)
                stream.flush()
                sync(stream.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise

    def _bytes(self, names: Sequence[str]) -> int:
        """Return the size of some files together; those that have vanished have none."""
        total = 0
        for name in names:
            with contextlib.suppress(OSError):
                total += (self._directory / name).lstat().st_size
        return total

    def _make_room(self, size: int, but: Set[str] = frozenset()) -> None:
        """Remove the least recently used files of any key ``but`` these, until ``size`` more bytes
        fit.
        """
        states = [(path, status) for path, status in self._statuses() if _is_state(path.name)]
        states.sort(key=lambda state: (state[0].name in but, state[1].st_mtime_ns))
        for name in beyond(
            self._limit - size, [(path.name, status.st_size) for path, status in states]
        ):
            self.remove(name)

    def _statuses(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._directory.iterdir():
            with contextlib.suppress(OSError):
                yield path, path.lstat()

    def _read(self, name: str, read: Callable[[BufferedReader], T]) -> T | None:
        try:
            with os.fdopen(os.open(self._directory / name, _OPEN_FLAGS), "rb") as stream:
                return read(stream)
        except _Damaged:
            self.remove(name)
        except (OSError, MemoryError):
            pass
        return None


def _is_state(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _is_of(key: str, name: str) -> bool:
    return name.startswith(key) and _is_state(name)


def _pieces(head: bytes, blob: memoryview) -> Iterator[bytes | memoryview]:
    """Yield the file in the order in which it is written."""
    yield head
    digest = hashlib.blake2b(head, digest_size=_DIGEST_BYTES)
    yield digest.digest()
    digest.update(digest.digest())
    for start in range(0, len(blob), _CHUNK):
        chunk = blob[start : start + _CHUNK]
        digest.update(chunk)
        yield chunk
    yield digest.digest()


def _beginning(
    stream: BufferedReader, name: str, limit: int
) -> tuple[PieceHeader, "hashlib.blake2b"]:
    """Return a file's header, up to the blob that follows, and the digest so far."""
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError  # foreign files may contain anything: neither read nor remove them
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size or status.st_size > limit:
        raise _Damaged
    magic, version, start, count, size, key, parent = _HEAD.unpack(head)
    expected = _HEAD.size + count * TOKEN_BYTES + size + 2 * _DIGEST_BYTES
    if (magic, version) != (_MAGIC, _VERSION) or count > _MOST_TOKENS:
        raise _Damaged
    if expected != status.st_size:
        raise _Damaged
    tokens = stream.read(count * TOKEN_BYTES)
    digest = hashlib.blake2b(head + tokens, digest_size=_DIGEST_BYTES)
    header = PieceHeader(key.hex(), parent.hex(), start, tokens, size)
    if stream.read(_DIGEST_BYTES) != digest.digest() or name != header.name:
        raise _Damaged
    digest.update(digest.digest())
    return header, digest
