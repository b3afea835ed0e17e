"""Exporting conversations as files for people and other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from localqwq.conversations.rounds import StoredCall
from localqwq.conversations.turns import (
    FOLDERS,
    TITLE_LENGTH,
    Conversation,
    Turn,
    fenced,
    sent_back,
)
from localqwq.errors import LocalqwqError

Format = Literal["markdown", "json"]
SUFFIXES: dict[Format, str] = {"markdown": ".md", "json": ".json"}

FORMAT, VERSION = "localqwq conversations", 1
"""Identify our own files for the import."""


def export(conversations: Iterable[Conversation], form: Format, thoughts: bool) -> Iterator[str]:
    """Yield the text of a file with the conversations, in pieces."""
    if form == "markdown":
        for number, conversation in enumerate(conversations):
            yield "\n\n" * bool(number) + to_markdown(conversation, thoughts)
        return
    yield f'{{\n "format": {json.dumps(FORMAT)},\n "version": {VERSION},\n "conversations": ['
    for number, conversation in enumerate(conversations):
        entry = json.dumps(_entry(conversation, thoughts), ensure_ascii=False, indent=1)
        yield f"{',' * bool(number)}\n{entry}"
    yield "\n ]\n}\n"


def to_markdown(conversation: Conversation, thoughts: bool) -> str:
    """Return what the screen shows: the turns from the first to the head, and then the prompts that
    went back to the input field, as nothing answered them.

    Thoughts are quoted, so that nothing in them mixes with the answer.
    """
    started = datetime.fromtimestamp(conversation.created).strftime("%Y-%m-%d %H:%M")
    blocks = [f"# {conversation.title}", f"*{started}*"]
    if conversation.system:
        blocks += ["## System", conversation.system]
    for turn in conversation.path():
        blocks += _blocks(turn, thoughts)
    for turn in sent_back(conversation.turns, conversation.head):
        heading, *rest = _blocks(turn, thoughts)
        blocks += [f"{heading} (not answered)", *rest]
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_json(conversation: Conversation, thoughts: bool) -> str:
    """Return everything, including branches, in the form that ``imports`` reads."""
    return "".join(export([conversation], "json", thoughts))


def file_name(conversation: Conversation, form: Format) -> str:
    """Return a plain name for the file, from the title."""
    words = re.findall(r"[^\W_]+", conversation.title.lower())
    name = "-".join(words)[:TITLE_LENGTH].strip("-") or f"conversation-{conversation.id}"
    return name + SUFFIXES[form]


def free_path(folder: Path, name: str) -> Path:
    """Return a free path in ``folder`` for that name, numbered if necessary."""
    path = folder / name
    number = 2
    while path.exists():
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        number += 1
    return path


def save(path: Path, pieces: Iterable[str]) -> None:
    """Write a new file.

    Raises:
        LocalqwqError: the file exists, or it cannot be written; no partial file is left.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            try:
                file.writelines(pieces)
                file.flush()
            except BaseException:
                with suppress(OSError):
                    path.unlink()
                raise
    except FileExistsError:
        raise LocalqwqError(f"{path} already exists; choose another name.") from None
    except OSError as error:
        raise LocalqwqError(f"{path} cannot be written: {error.strerror}.") from error


def _entry(conversation: Conversation, thoughts: bool) -> dict[str, object]:
    turns = [
        asdict(turn if thoughts else _without_thoughts(turn))
        for _, turn in sorted(conversation.turns.items())
    ]
    return {
        "title": conversation.title,
        "system": conversation.system,
        "pinned": conversation.pinned,
        "settings": without_folders(conversation.settings),
        "created": conversation.created,
        "updated": conversation.updated,
        "head": conversation.head,
        "turns": turns,
    }


def without_folders(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a conversation's own settings as they may leave, or come to, this machine."""
    return {key: value for key, value in settings.items() if key != FOLDERS}


def _without_thoughts(turn: Turn) -> Turn:
    rounds = tuple(replace(one, thought="") for one in turn.rounds)
    return replace(turn, thought="", rounds=rounds)


def _blocks(turn: Turn, thoughts: bool) -> list[str]:
    if turn.role == "user":
        files = [f"**{each.name}**\n\n{fenced(each.text)}" for each in turn.attachments]
        return ["## You", *files, turn.text]
    blocks = [f"## {turn.model or 'Answer'}"]
    for one in turn.rounds:
        blocks += [_quoted("Thought", one.thought) if thoughts else "", one.text]
        blocks += [part for call in one.calls for part in _call(call)]
    if thoughts:
        blocks.append(_quoted(_thought_for(turn), turn.thought))
    return [*blocks, turn.text, f"*{turn.note}*" if turn.note else ""]


def _quoted(heading: str, thought: str) -> str:
    """Return a thought as a quotation; empty if there is none."""
    if not thought:
        return ""
    lines = [f"**{heading}**", "", *thought.strip().splitlines()]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _call(call: StoredCall) -> list[str]:
    done = "" if call.status == "done" else f" ({call.status})"
    return [f"**{call.name}**{done}", fenced(call.arguments), fenced(call.result)]


def _thought_for(turn: Turn) -> str:
    tokens, taken = turn.measures.thought_tokens, turn.measures.thought_seconds
    counted = f", {tokens:,} tokens" if tokens else ""
    return (f"Thought for {taken:.0f} s" if taken else "Thought") + counted
