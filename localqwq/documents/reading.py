"""The text of a file: plain text directly, documents through readers in a child process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from localqwq import children
from localqwq.documents.encodings import decode, guessed
from localqwq.documents.extract import MEMORY, Extract
from localqwq.documents.kinds import kind_of
from localqwq.errors import LocalqwqError

MOST_BYTES = 32 << 20
"""Maximum bytes of a file; the longest context has a hundredth of that as text."""
_PATIENCE = 60.0
"""Seconds for reading a document: enough for a few thousand pages."""


def read_document(path: Path) -> str:
    """Return the text of a file; see ``read``."""
    return read(path).text


def read(path: Path) -> Extract:
    """Return the text of a file, and what people should know about it.

    May take seconds for long documents.

    Raises:
        LocalqwqError: there is no such file, it is too large, or it has no readable text.
    """
    try:
        if path.is_dir():
            raise LocalqwqError(f"{path} is a folder: attach the files in it one by one.")
        if not path.is_file():
            raise LocalqwqError(f"There is no file {path}.")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise LocalqwqError(
                f"{path.name} has {size >> 20} MiB; files of up to {MOST_BYTES >> 20} MiB can be "
                "attached, so attach only the part that matters."
            )
        kind = kind_of(path)
        return _text(path) if kind is None else _document(path, kind)
    except OSError as error:
        raise LocalqwqError(f"{path} cannot be read ({error.strerror or error}).") from error


def _text(path: Path) -> Extract:
    decoded = decode(path.read_bytes())
    if decoded is None:
        raise LocalqwqError(f"{path.name} is not a text file, so there is nothing to read.")
    return Extract(decoded.text, (guessed(decoded.guess),) if decoded.guess else ())


def _document(path: Path, kind: str) -> Extract:
    """Read a document in a child process, since some crash their readers."""
    command = children.command(children.Child.DOCUMENTS, str(path.absolute()), kind)
    try:
        done = children.run(command, timeout=_PATIENCE, memory=MEMORY)
    except subprocess.TimeoutExpired:
        raise LocalqwqError(
            f"{path.name} was not read within {_PATIENCE:.0f} seconds: save it as text."
        ) from None
    except MemoryError:
        raise _unreadable(path, "it takes too much memory") from None
    try:
        found = json.loads(done.stdout)
    except ValueError:  # its standard error says how it died
        found = {"reason": "its reader crashed"}
    if "reason" in found:
        raise _unreadable(path, found["reason"])
    if not found["text"].strip():
        raise LocalqwqError(
            f"{path.name} has no text in it; pages that are pictures cannot be read."
        )
    return Extract(found["text"], tuple(found["remarks"]))


def _unreadable(path: Path, reason: str) -> LocalqwqError:
    return LocalqwqError(f"{path.name} could not be read ({reason}): save it as text.")
