"""Files on their way into a store: linked or copied, hashed, and only then visible."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localqwq.durable import sync
from localqwq.errors import LocalqwqError
from localqwq.packs.download.disk_space import check_room
from localqwq.packs.store.lock import locked, take

Progress = Callable[[int, int], None]
"""Called with the bytes done and the total."""

_CHUNK = 4 << 20
_PREFIX = ".adding-"


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """Yield a hidden folder in the store for incomplete files; it is deleted afterwards.

    Folders left by killed processes are recognized by their free locks and removed.
    """
    with locked(root):
        for left in root.glob(f"{_PREFIX}*"):
            handle = take(left)
            if handle is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(handle)
        directory = Path(tempfile.mkdtemp(dir=root, prefix=_PREFIX))
        held = take(directory)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if held is not None:
            os.close(held)


def bring(source: Path, target: Path, progress: Progress | None, *, in_place: bool = False) -> str:
    """Hard-link ``source`` to ``target``, or copy it if linking fails; return its SHA-256.

    Files used in place are never copied: if a hard link is impossible (another disk or another
    user's file), ``target`` becomes a symbolic link.

    Raises:
        LocalqwqError: it cannot be read, or the disk is full.
    """
    # Links are followed first: a hard link to a symbolic link would not be a copy.
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError:
        if not in_place:
            return _copy(source, target, progress)
        target.symlink_to(source)
    return sha256(target, progress)


def duplicate(source: Path, target: Path) -> None:
    """Hard-link ``source`` to ``target``, or copy it if linking fails.

    Raises:
        LocalqwqError: it cannot be read, or the disk is full.
    """
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError:
        _copy(source, target, None)


def sha256(path: Path, progress: Progress | None = None) -> str:
    """Return the SHA-256 of a file in lowercase hexadecimal digits."""
    try:
        with path.open("rb") as stream:
            return _hash(stream.read, path.stat().st_size, progress)
    except OSError as error:
        raise LocalqwqError(f"Cannot read {path}: {error.strerror}.") from error


def _copy(source: Path, target: Path, progress: Progress | None) -> str:
    try:
        check_room(source.name, source.stat().st_size, target.parent)
        with source.open("rb") as stream, target.open("xb") as copy:

            def read(size: int) -> bytes:
                chunk = stream.read(size)
                copy.write(chunk)
                return chunk

            digest = _hash(read, source.stat().st_size, progress)
            copy.flush()
            sync(copy.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            target.unlink()
        raise LocalqwqError(
            f"Cannot copy {source} to {target.parent}: {error.strerror}."
        ) from error
    return digest


def _hash(read: Callable[[int], bytes], total: int, progress: Progress | None) -> str:
    digest = hashlib.sha256()
    done = 0
    while chunk := read(_CHUNK):
        digest.update(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, total)
    return digest.hexdigest()
