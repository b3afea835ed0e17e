"""What a model is calibrated or measured on: a text, or chats, from files that people give."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from localqwq.conversations.imports import read_file
from localqwq.conversations.turns import messages, path
from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message
from localqwq.reasoning.tags import Tag

MOST_BYTES = 256 << 20
"""Maximum bytes of a file: far more than anybody measures on."""
EVERY = 10
"""One in so many chats is held out: no matrix is computed from it, so it can be measured on."""
_ROLES = ("system", "user", "assistant", "tool")


def read_text(file: Path) -> str:
    """Return the text of a UTF-8 file without one newline at its end, as llama.cpp's tools do.

    Raises:
        LocalqwqError: there is no such file, it is too large, or it is not text in UTF-8.
    """
    try:
        if file.is_file() and file.stat().st_size > MOST_BYTES:
            raise LocalqwqError(
                f"{file} is larger than {MOST_BYTES >> 20} MiB: a part of it is enough."
            )
        return file.read_bytes().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise LocalqwqError(f"{file} is not text in UTF-8: save it as such.") from None
    except OSError as error:
        raise LocalqwqError(f"{file} cannot be read: {error.strerror or error}.") from error


def read_chats(file: Path) -> list[list[Message]]:
    """Return the conversations in a file.

    It has a JSON document or one in each line, each a list of messages in OpenAI's form or an
    object with ``messages``; or it is one of the exports that ``localqwq import`` reads.

    Raises:
        LocalqwqError: it is none of these.
    """
    found = None if file.suffix == ".zip" else _in_messages(read_text(file))
    if found is None:
        found = [
            messages(path({turn.id: turn for turn in one.turns}, one.head), one.system, True)
            for one in read_file(file).conversations
        ]
    chats = [chat for chat in found if any(message["role"] == "assistant" for message in chat)]
    if not chats:
        raise LocalqwqError(f"{file} has no conversation with an answer in it: use another file.")
    return chats


def divided(chats: Sequence[list[Message]], *, held_out: bool) -> list[list[Message]]:
    """Return the chats that are held out from calibration, or all others.

    Raises:
        LocalqwqError: there are none of that kind.
    """
    found = [chat for index, chat in enumerate(chats) if (index % EVERY == EVERY - 1) == held_out]
    if not found:
        raise LocalqwqError(
            f"One chat in {EVERY} is held out for measuring, and there are only {len(chats)}: use "
            "more."
        )
    return found


def finished(chat: Sequence[Message]) -> list[Message]:
    """Return a chat up to its last answer, whose thought is in its content."""
    last = max(index for index, message in enumerate(chat) if message["role"] == "assistant")
    answer = chat[last]
    text, thought = answer["content"], answer.get("reasoning_content", "")
    if thought:
        text = f"{Tag.THINK_OPEN.value}\n{thought}\n{Tag.THINK_CLOSE.value}\n\n{text}"
    return [*chat[:last], Message(role="assistant", content=text)]


def _in_messages(text: str) -> list[list[Message]] | None:
    """Return the conversations of a text in OpenAI's form; None if it has another form."""
    try:
        try:
            document = json.loads(text)
        except ValueError:
            document = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
    entries = document if isinstance(document, list) else [document]
    if entries and all(map(_is_message, entries)):
        entries = [entries]
    chats = [list(_messages(entry)) for entry in entries]
    return chats if all(chats) else None


def _messages(entry: object) -> Iterator[Message]:
    inside = entry.get("messages") if isinstance(entry, Mapping) else entry
    for message in inside if isinstance(inside, list) else []:
        if _is_message(message):
            yield message


def _is_message(value: Any) -> bool:
    if not isinstance(value, Mapping) or value.get("role") not in _ROLES:
        return False
    return all(isinstance(value.get(key, ""), str) for key in ("content", "reasoning_content"))
