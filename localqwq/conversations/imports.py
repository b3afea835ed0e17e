"""Importing conversations from files: our own, ChatGPT's, Claude's and Open WebUI's.

The files may come from anywhere, so everything is checked; problems become sentences, and what is
left out is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localqwq.conversations import archives, chatgpt, claude, open_webui, own
from localqwq.conversations.archives import Part
from localqwq.conversations.imported import Imported, fields_of, list_of, text_of
from localqwq.conversations.tally import Kind, Tally
from localqwq.errors import LocalqwqError

_KINDS = (
    "an export of localqwq, of ChatGPT or Claude (conversations.json or its zip), or of Open WebUI"
)
_READERS: tuple[
    tuple[
        Callable[[Mapping[str, Any]], bool],
        Callable[[Mapping[str, Any], Tally], Imported | None],
    ],
    ...,
] = (
    (chatgpt.is_conversation, chatgpt.read),
    (claude.is_conversation, claude.read),
    (open_webui.is_conversation, open_webui.read),
)
_CONTAINERS = ("conversations", "chats", "data")
"""Fields in which some programs keep the list."""
_IDS = ("conversation_id", "id", "uuid")


class _BrokenError(Exception):
    """A part is not as expected; the message is a phrase that says why."""


@dataclass(slots=True)
class Found:
    """The content of a file."""

    conversations: list[Imported] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def read_file(path: Path) -> Found:
    """Return the conversations in a file, or in a zip as sent by ChatGPT and Claude.

    Raises:
        LocalqwqError: there are none; the sentence says what was wrong with the file or its parts.
    """
    found = Found()
    seen: set[str] = set()
    for part in archives.parts(path):
        try:
            _add(found, part, seen)
        except LocalqwqError as error:
            if not part.name:
                raise LocalqwqError(f"{path}: {error}") from error
            found.tally.problems[part.name] = f"is wrong ({error})"
        except _BrokenError as error:
            if not part.name:
                raise LocalqwqError(f"{path}: it {error}; it should be {_KINDS}.") from error
            found.tally.problems[part.name] = str(error)
    if not found.conversations and found.tally.problems:
        problems = "; ".join(f"{name} {why}" for name, why in found.tally.problems.items())
        raise LocalqwqError(f"{path} cannot be read: {problems}.")
    if not found.conversations:
        raise LocalqwqError(f"{path}: {_none(found.tally)}")
    return found


def read(text: str) -> Found:
    """Return the conversations in the text of a file; raises LocalqwqError if there are none."""
    found = Found()
    try:
        _add(found, Part("", text.encode()), set())
    except _BrokenError as error:
        raise LocalqwqError(f"It {error}; it should be {_KINDS}.") from error
    if not found.conversations:
        raise LocalqwqError(_none(found.tally))
    return found


def _add(found: Found, part: Part, seen: set[str]) -> None:
    """Add the content of a part; raises _BrokenError, or LocalqwqError for one of our own."""
    if part.problem:
        raise _BrokenError(part.problem)
    document = _parse(part)
    if own.is_ours(document):
        conversations = own.read(fields_of(document), found.tally)
    else:
        conversations = list(_foreign(document, found.tally, seen))
    for conversation in conversations:
        found.tally.add_turns(conversation.turns)
    found.conversations += conversations


def _parse(part: Part) -> object:
    """Return the JSON of a part; an empty one of several parts contains nothing."""
    if part.name and not part.data.strip():
        return []
    try:
        return json.loads(part.data.decode("utf-8-sig", "strict"))
    except UnicodeDecodeError:
        raise _BrokenError("is not UTF-8 text") from None
    except RecursionError:
        raise _BrokenError("is nested too deeply") from None
    except ValueError as error:
        raise _BrokenError(f"is not JSON ({error})") from None


def _foreign(document: object, tally: Tally, seen: set[str]) -> Iterator[Imported]:
    """Yield the conversations of other programs, without duplicates."""
    for entry in _entries(document):
        item = fields_of(entry)
        reader = next((read for is_one, read in _READERS if is_one(item)), None)
        if reader is None:
            tally.leave(Kind.OTHER)
            continue
        number = next((text_of(item.get(key)) for key in _IDS if text_of(item.get(key))), "")
        if number and number in seen:
            tally.leave(Kind.TWICE)
            continue
        seen.add(number)
        conversation = reader(item, tally)
        if conversation is None:
            tally.leave(Kind.EMPTY)
        else:
            yield conversation


def _entries(document: object) -> list[Any]:
    if isinstance(document, list):
        return document
    fields = fields_of(document)
    if any(is_one(fields) for is_one, _ in _READERS):
        return [fields]
    return next((inside for key in _CONTAINERS if (inside := list_of(fields.get(key)))), [document])


def _none(tally: Tally) -> str:
    left = tally.stayed_out()
    behind = f" ({left})" if left else ""
    return f"No conversation was found in it; it should be {_KINDS}{behind}."
