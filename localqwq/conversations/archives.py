"""The parts of an export: one JSON file, or those in a zip."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from localqwq.errors import LocalqwqError

LARGEST_FILE = 512 * 1024 * 1024
"""Maximum bytes of JSON; reading takes several times as much memory."""

_PART = re.compile(r"(?:[^/]*/)*(?:conversations[^/]*|[^/]*chat-export[^/]*)\.json")
_OF_MACOS = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\._[^/]*)")
"""The folder that macOS adds to zip files."""
_FAILURES = (EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)
"""An encrypted zip raises RuntimeError, an unknown compression NotImplementedError below it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an export."""

    name: str
    """Its name in the zip; empty without a zip."""
    data: bytes = b""
    problem: str = ""
    """Why it could not be read: a phrase without its subject."""


def parts(path: Path) -> Iterator[Part]:
    """Yield the files with conversations; raises LocalqwqError if there are none."""
    try:
        if zipfile.is_zipfile(path):
            yield from _archived(path)
            return
        if path.stat().st_size > LARGEST_FILE:
            _too_large(path)
        yield Part("", path.read_bytes())
    except OSError as error:
        raise LocalqwqError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _FAILURES as error:
        raise LocalqwqError(f"{path} cannot be read: it {_problem(error)}.") from error


def _problem(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "is compressed in an unsupported way"
    return "is protected by a password" if isinstance(error, RuntimeError) else "is damaged"


def _archived(path: Path) -> Iterator[Part]:
    """Yield the parts in a zip, limited in total size; any of them may be broken."""
    with zipfile.ZipFile(path) as archive:
        members = [
            member
            for member in archive.infolist()
            if _PART.fullmatch(member.filename) and not _OF_MACOS.fullmatch(member.filename)
        ]
        if not members:
            raise LocalqwqError(f"{path} is a zip without a conversations.json.")
        if sum(member.file_size for member in members) > LARGEST_FILE:
            _too_large(path)
        for member in sorted(members, key=lambda each: each.filename):
            try:
                with archive.open(member) as file:
                    yield Part(member.filename, file.read(member.file_size + 1))
            except _FAILURES as error:
                yield Part(member.filename, problem=_problem(error))


def _too_large(path: Path) -> NoReturn:
    bound = LARGEST_FILE // 1024**2
    raise LocalqwqError(f"{path} is larger than the {bound} MiB that can be imported at once.")
