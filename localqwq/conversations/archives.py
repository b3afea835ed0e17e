"""The parts of an export: one file of JSON, or those in a zip."""

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
"""Bytes of JSON; several times that is needed to read it."""

_PART = re.compile(r"(?:[^/]*/)*(?:conversations[^/]*|[^/]*chat-export[^/]*)\.json")
_OF_MACOS = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\._[^/]*)")
"""What macOS puts beside each file of a zip."""
_FAILURES = (EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)
"""An encrypted zip is a RuntimeError, an unknown kind of one NotImplementedError below it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an export."""

    name: str
    """Within the zip; empty where there is no zip."""
    data: bytes = b""
    problem: str = ""
    """Why it could not be read: a phrase without its subject."""


def parts(path: Path) -> Iterator[Part]:
    """Yield the files with conversations; raises LocalqwqError where there are none."""
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
        return "is packed in a way that cannot be read"
    return "is protected by a password" if isinstance(error, RuntimeError) else "is damaged"


def _archived(path: Path) -> Iterator[Part]:
    """Yield the parts in a zip, all of them within the bound; one may be broken by itself."""
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
