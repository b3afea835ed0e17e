"""States on disk: one private file each, either complete or absent.

A file has a header (magic, version, counts, key), the tokens, a digest of both, the blob, and a
digest of everything. Numbers are in the machine's byte order, as in llama.cpp's blobs: files from
another machine have an unknown version. Files come and go at any time, since several processes may
share the directory; nothing found in it raises an error.
"""

import contextlib
import hashlib
import os
import re
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from localqwq.durable import sync
from localqwq.engine.states.index import TOKEN_BYTES, beyond

T = TypeVar("T")

Blob = bytes | bytearray | memoryview
"""The output of ``llama_state_seq_get_data``; a view has items of one byte."""

_MAGIC = b"localqwq"
_VERSION = 1
_HEAD = struct.Struct("=8sIIQ16s")  # magic, version, tokens, bytes of the blob, key
_DIGEST_BYTES = 32
_MOST_TOKENS = 1 << 24
_CHUNK = 8 << 20
_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}\.state")
_TEMPORARY = ".writing-"
_ABANDONED_S = 3600
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # pipes must not block


class _Damaged(Exception):
    """A file is not what its name promises."""


def hashed(data: bytes) -> str:
    """Return the 32 hexadecimal digits for a key or for tokens in a file's name."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def file_name(key: str, tokens: bytes) -> str:
    """Return the file name for the state of these packed tokens; ``key`` as :func:`hashed`."""
    return f"{key}-{hashed(tokens)}.state"


class StateFiles:
    """The files in one directory. Keeps nothing in memory, hence thread-safe."""

    def __init__(self, directory: Path, limit: int) -> None:
        """Set up; ``limit``: bytes of all files together, enforced by deleting the least recently
        used.
        """
        self._directory = directory
        self._limit = limit

    def clean(self) -> None:
        """Remove files beyond the limit and half-written ones of killed processes."""
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

    def tokens(self, name: str) -> tuple[bytes, int] | None:
        """Return a file's packed tokens and the size of its blob, which is not read.

        ``None``: it has vanished, or was damaged and has been removed.
        """

        def read(stream: BufferedReader) -> tuple[bytes, int]:
            tokens, size, _ = _beginning(stream, name, self._limit)
            return tokens, size

        return self._read(name, read)

    def blob(self, name: str) -> bytearray | None:
        """Return a file's blob and mark the file as used now; ``None`` as in :meth:`tokens`."""

        def read(stream: BufferedReader) -> bytearray:
            _, size, digest = _beginning(stream, name, self._limit)
            blob = bytearray(size)
            view = memoryview(blob)
            for start in range(0, size, _CHUNK):
                chunk = view[start : start + _CHUNK]
                if stream.readinto(chunk) != len(chunk):
                    raise _Damaged
                digest.update(chunk)
            if stream.read(_DIGEST_BYTES) != digest.digest():
                raise _Damaged
            return blob

        blob = self._read(name, read)
        if blob is not None:
            self.touch(name)
        return blob

    def write(self, key: str, tokens: bytes, blob: Blob) -> bool:
        """Write a state after making room for it; return whether that succeeded.

        On failure (disk full, no permission, beyond the limit) nothing is left behind.
        """
        view = memoryview(blob)
        count = len(tokens) // TOKEN_BYTES
        head = _HEAD.pack(_MAGIC, _VERSION, count, len(view), bytes.fromhex(key)) + tokens
        size = len(head) + len(view) + 2 * _DIGEST_BYTES
        if size > self._limit or count > _MOST_TOKENS:
            return False
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(size)
            self._write(self._directory / file_name(key, tokens), head, view)
        except OSError:
            return False
        return True

    def touch(self, name: str) -> None:
        """Mark a file as used now."""
        with contextlib.suppress(OSError):
            os.utime(self._directory / name)

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

    def _make_room(self, size: int) -> None:
        """Remove the least recently used files of any key, until ``size`` more bytes fit."""
        states = [(path, status) for path, status in self._statuses() if _is_state(path.name)]
        states.sort(key=lambda state: state[1].st_mtime_ns)
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
) -> tuple[bytes, int, "hashlib.blake2b"]:
    """Return a file's tokens, the bytes of the blob that follows, and the digest so far."""
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError  # foreign files may contain anything: neither read nor remove them
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size or status.st_size > limit:
        raise _Damaged
    magic, version, count, size, key = _HEAD.unpack(head)
    expected = _HEAD.size + count * TOKEN_BYTES + size + 2 * _DIGEST_BYTES
    if (magic, version) != (_MAGIC, _VERSION) or count > _MOST_TOKENS:
        raise _Damaged
    if expected != status.st_size:
        raise _Damaged
    tokens = stream.read(count * TOKEN_BYTES)
    digest = hashlib.blake2b(head + tokens, digest_size=_DIGEST_BYTES)
    if stream.read(_DIGEST_BYTES) != digest.digest() or name != file_name(key.hex(), tokens):
        raise _Damaged
    digest.update(digest.digest())
    return tokens, size, digest
