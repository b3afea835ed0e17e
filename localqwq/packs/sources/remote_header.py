"""What a model is, from the beginning of its file on a server: before it is downloaded."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from localqwq.errors import LocalqwqError, UnknownArchitecture
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.packs.download.transfer import Answer, Interrupted, Resource, SourceFailed, request
from localqwq.packs.sources.listing import RemoteFile

_PIECES = (1 << 20, 1 << 23, 1 << 25)
"""Bytes from the start of the file; vocabularies take a few million."""


def peek(files: tuple[RemoteFile, ...]) -> ModelFacts | None:
    """The facts in the header of a model in one file; ``None`` where they cannot be had so.

    Raises:
        LocalqwqError: a model that localqwq cannot run.
    """
    if len(files) > 1:
        return None
    (file,) = files
    if isinstance(file.place, Path):
        return read_facts(file.place)
    unknown: UnknownArchitecture | None = None
    with TemporaryDirectory(prefix="localqwq-") as folder:
        path = Path(folder, file.name)
        for size in _PIECES:
            try:
                beginning = _beginning(file.place, min(size, file.bytes))
            except (Interrupted, SourceFailed):
                return None
            path.write_bytes(beginning)
            os.truncate(path, file.bytes)
            try:
                return read_facts(path)
            except LocalqwqError as error:
                unknown = error if isinstance(error, UnknownArchitecture) else None
            if size >= file.bytes:
                break
    if unknown is not None:
        raise unknown.named(file.name)
    return None


def _beginning(resource: Resource, size: int) -> bytes:
    with request(resource, {"Range": f"bytes=0-{size - 1}"}) as answer:
        return _first(answer, size)


def _first(answer: Answer, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (block := answer.read(size - len(data))):
        data += block
    return bytes(data)
