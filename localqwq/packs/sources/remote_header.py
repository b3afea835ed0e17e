"""The facts about a model from the beginnings of its files on a server, before downloading them."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from localqwq.errors import FileProblem, LocalqwqError, Unsupported
from localqwq.gguf.facts import ModelFacts, read_facts, supported_architecture
from localqwq.gguf.header import read_header
from localqwq.gguf.split import part_name
from localqwq.packs.download.transfer import Answer, Interrupted, Resource, SourceFailed, request
from localqwq.packs.sources.listing import RemoteFile

_PIECES = (1 << 20, 1 << 23, 1 << 25)
"""Bytes from the start of the first file; vocabularies take a few million."""


def peek(files: Sequence[RemoteFile]) -> ModelFacts | None:
    """Return the facts in the headers of a model's files; None where they cannot be had so.

    Raises:
        LocalqwqError: localqwq cannot run the model.
    """
    if all(isinstance(file.place, Path) for file in files) and isinstance(files[0].place, Path):
        return read_facts(files[0].place)
    with TemporaryDirectory(prefix="localqwq-") as folder:
        paths = [
            Path(folder, part_name("model", number, len(files)) if files[1:] else "model.gguf")
            for number in range(1, len(files) + 1)
        ]
        try:
            if not _read_first(paths[0], files[0]):
                return None
            for path, file in zip(paths[1:], files[1:], strict=True):
                _put(path, file, _PIECES[0])
            return read_facts(paths[0])
        except (Interrupted, SourceFailed, OSError):
            return None
        except Unsupported as unsupported:
            raise unsupported.named(files[0].name) from unsupported
        except LocalqwqError:
            return None  # damage here may be gone in the complete file


def _read_first(path: Path, file: RemoteFile) -> bool:
    """Write the whole header of the first file to ``path``; return whether that succeeded.

    Raises:
        Unsupported: localqwq cannot run the model.
    """
    for size in _PIECES:
        _put(path, file, size)
        try:
            header = read_header(path)
        except FileProblem:  # it continues after what was received
            if size >= file.bytes:
                break
            continue
        supported_architecture(path, header)
        return True
    return False


def _put(path: Path, file: RemoteFile, size: int) -> None:
    """Write the beginning of a file to ``path``, which then seems as long as the file.

    Raises:
        Unsupported: the part received already shows that localqwq cannot run it.
    """
    if isinstance(file.place, Path):
        path.unlink(missing_ok=True)
        path.symlink_to(file.place)
        return
    path.write_bytes(_beginning(file.place, min(size, file.bytes)))
    try:
        read_header(path)  # before zeros follow, which could be taken for anything
    except Unsupported:
        raise
    except FileProblem:
        pass
    os.truncate(path, file.bytes)


def _beginning(resource: Resource, size: int) -> bytes:
    with request(resource, {"Range": f"bytes=0-{size - 1}"}) as answer:
        return _first(answer, size)


def _first(answer: Answer, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (block := answer.read(size - len(data))):
        data += block
    return bytes(data)
