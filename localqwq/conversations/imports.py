"""Conversations out of files: our own, ChatGPT's and Open WebUI's.

The files may come from anywhere, so all of it is checked; whatever is wrong becomes a sentence.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from localqwq.conversations import chatgpt, open_webui
from localqwq.conversations.exports import FORMAT, VERSION
from localqwq.conversations.imported import Imported, admit
from localqwq.conversations.turns import Turn
from localqwq.errors import LocalqwqError

LARGEST_FILE = 512 * 1024 * 1024
"""Bytes of JSON; several times that is needed to read it."""

_IN_ARCHIVE = re.compile(r"(?:[^/]*/)*(?:conversations[^/]*|[^/]*chat-export[^/]*)\.json")
_KINDS = "an export of localqwq, ChatGPT (conversations.json or its zip) or Open WebUI"


@dataclass(frozen=True)
class _Entry:
    """A conversation in our own files."""

    title: str
    head: int | None
    created: float
    updated: float
    turns: list[Turn]
    system: str = ""
    pinned: bool = False


def read_file(path: Path) -> list[Imported]:
    """The conversations in a file, or in a zip as ChatGPT sends it; raises LocalqwqError."""
    # An encrypted zip is a RuntimeError, an unknown kind of one NotImplementedError below it.
    try:
        if zipfile.is_zipfile(path):
            texts = _archived(path)
        elif path.stat().st_size > LARGEST_FILE:
            _too_large(path)
        else:
            texts = [path.read_bytes()]
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LocalqwqError(f"{path} cannot be read: {reason}.") from error
    try:
        return [found for text in texts for found in read(text.decode("utf-8-sig"))]
    except UnicodeDecodeError:
        raise LocalqwqError(f"{path} is no text in UTF-8, so it is not {_KINDS}.") from None
    except LocalqwqError as error:
        raise LocalqwqError(f"{path}: {error}") from error


def read(text: str) -> list[Imported]:
    """The conversations in the text of a file; raises LocalqwqError when there are none."""
    document = _parse(text)
    if isinstance(document, dict) and document.get("format") == FORMAT:
        found = _ours(document)
    else:
        items = document if isinstance(document, list) else [document]
        found = [each for item in items if isinstance(item, dict) for each in _foreign(item)]
    if not found:
        raise LocalqwqError(f"No conversation was found in it; it should be {_KINDS}.")
    return found


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise LocalqwqError("It is nested too deeply to be an export.") from None
    except ValueError as error:
        raise LocalqwqError(f"It is no JSON ({error}); it should be {_KINDS}.") from None


def _foreign(item: Mapping[str, Any]) -> list[Imported]:
    for kind in (chatgpt, open_webui):
        if kind.is_conversation(item):
            found = kind.read(item)
            return [found] if found else []
    return []


def _ours(document: Mapping[str, Any]) -> list[Imported]:
    from pydantic import TypeAdapter, ValidationError

    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise LocalqwqError("It was written by a newer localqwq; update this one to read it.")
    try:
        entries = TypeAdapter(list[_Entry]).validate_python(document.get("conversations"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, ("conversations", *first["loc"])))
        raise LocalqwqError(f"{place} in it is wrong: {first['msg']}.") from None
    return [_admitted(entry) for entry in entries if entry.turns]


def _admitted(entry: _Entry) -> Imported:
    known: set[int | None] = {None}
    for turn in entry.turns:
        if turn.parent not in known or turn.id in known:
            raise LocalqwqError(f"Turn {turn.id} of “{entry.title}” does not follow another one.")
        known.add(turn.id)
    head = entry.turns[-1].id if entry.head is None else entry.head
    if head not in known:
        raise LocalqwqError(f"“{entry.title}” stands at turn {head}, which is not in it.")
    times = entry.created, entry.updated
    return admit(entry.title, entry.turns, head, times, entry.system, entry.pinned)


def _archived(path: Path) -> list[bytes]:
    """The files with conversations in a zip, all of them within the bound."""
    with zipfile.ZipFile(path) as archive:
        members = [each for each in archive.infolist() if _IN_ARCHIVE.fullmatch(each.filename)]
        if sum(member.file_size for member in members) > LARGEST_FILE:
            _too_large(path)
        texts = []
        for member in members:
            with archive.open(member) as file:
                texts.append(file.read(member.file_size + 1))
    if not texts:
        raise LocalqwqError(f"{path} is a zip without a conversations.json.")
    return texts


def _too_large(path: Path) -> NoReturn:
    bound = LARGEST_FILE // 1024**2
    raise LocalqwqError(f"{path} is larger than the {bound} MiB that can be imported at once.")
