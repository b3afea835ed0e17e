"""Open WebUI's export: a list of chats, each with a tree of messages.

Newer versions store an answer as a list of items (``output``) and leave its text (``content``)
empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localqwq.conversations import details, steps, thoughts
from localqwq.conversations.details import Parts
from localqwq.conversations.imported import (
    Imported,
    admit,
    fields_of,
    list_of,
    seconds,
    text_of,
)
from localqwq.conversations.nodes import Node, grow, parents
from localqwq.conversations.tally import Kind, Tally
from localqwq.conversations.turns import Attachment

_HOSTED_CALLS = frozenset({"web_search_call", "file_search_call", "computer_call"})
_CODE = "open_webui:code_interpreter"
_NUMBER = re.compile(r"\[\d{1,3}\]")


def is_conversation(item: Mapping[str, Any]) -> bool:
    """Return whether a list entry looks like one of Open WebUI's chats."""
    chat = _chat(item)
    return isinstance(chat.get("messages"), list) or isinstance(chat.get("history"), dict)


def read(item: Mapping[str, Any], tally: Tally) -> Imported | None:
    """Return the conversation; None if it is empty."""
    chat = _chat(item)
    history = fields_of(chat.get("history"))
    messages = fields_of(history.get("messages")) or _in_a_row(chat.get("messages"))
    entries = {number: fields_of(message) for number, message in messages.items()}
    behind = parents(
        {number: entry.get("parentId") for number, entry in entries.items()},
        {number: entry.get("childrenIds") for number, entry in entries.items()},
    )
    system = text_of(chat.get("system")) or text_of(fields_of(chat.get("params")).get("system"))
    nodes: dict[str, Node] = {}
    for number, entry in entries.items():
        nodes[number] = _node(entry, behind[number], tally)
        if entry.get("role") == "system":
            system = system or _said(entry.get("content"), tally)
    current = history.get("currentId")
    grown = grow(nodes, current if isinstance(current, str) else None, tally)
    if grown is None:
        return None
    times = item.get("created_at") or chat.get("timestamp"), item.get("updated_at")
    title = text_of(item.get("title")) or text_of(chat.get("title"))
    return admit(title, *grown, times, system, item.get("pinned") is True)


def _chat(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the chat in an entry, which may be the entry itself."""
    return fields_of(item.get("chat")) or (item if "history" in item else {})


def _in_a_row(messages: object) -> Mapping[str, Any]:
    """Return a list as a tree without branches, as in very old chats."""
    return {
        str(number): {**fields_of(message), "parentId": str(number - 1) if number else None}
        for number, message in enumerate(list_of(messages))
    }


def _node(message: Mapping[str, Any], parent: str | None, tally: Tally) -> Node:
    role = message.get("role")
    if role == "system" or not message:
        return Node(parent, None)
    if role not in ("user", "assistant"):
        tally.leave(Kind.UNKNOWN)
        return Node(parent, None)
    said = _said(message.get("content"), tally)
    attachments = _files(message.get("files"), tally)
    created = seconds(message.get("timestamp"))
    if role == "user":
        if not (said or attachments):
            return Node(parent, None)
        return Node(parent, "user", said, created=created, attachments=attachments)
    parts = _parts(said, message.get("output"))
    tally.found[Kind.CALL] += parts.calls
    note = text_of(fields_of(message.get("error")).get("content")).strip()
    if not (parts.text or parts.thought or attachments or note):
        return Node(parent, None)
    return Node(
        parent,
        "assistant",
        parts.text + _sources(parts.text, message),
        parts.thought,
        text_of(message.get("model")) or text_of(message.get("modelName")),
        created,
        parts.thought_seconds,
        attachments,
        note,
    )


def _parts(said: str, output: object) -> Parts:
    """Return the parts of an answer, from its text and the list of its items."""
    text, thought = thoughts.split(said)
    old = details.split(text)
    new = _items(list_of(output))
    if new.thought or not (old.thought or thought):
        return Parts(old.text or new.text, new.thought, new.thought_seconds, new.calls)
    inside = "\n\n".join(part for part in (thought, old.thought) if part)
    return Parts(old.text or new.text, inside, old.thought_seconds, old.calls)


def _items(output: list[Any]) -> Parts:
    """Return the content of an answer's items: messages, thoughts, and calls with their results."""
    items = [fields_of(item) for item in output]
    results = {
        text_of(item.get("call_id")): _joined(item.get("output")) or _plain(item.get("output"))
        for item in items
        if item.get("type") == "function_call_output"
    }
    texts: list[str] = []
    lines: list[str] = []
    taken = 0.0
    calls = 0
    for item in items:
        kind = text_of(item.get("type"))
        if kind == "function_call_output":
            continue
        if kind == "reasoning":
            lines.append(_joined(item.get("summary")) or _joined(item.get("content")))
            taken += seconds(item.get("duration"))
        elif kind == "function_call":
            calls += 1
            result = results.get(text_of(item.get("call_id")), "")
            called = steps.call(text_of(item.get("name")) or "tool", item.get("arguments"))
            lines += [called, steps.result(result)]
        elif kind == _CODE:
            calls += 1
            called = steps.call("code_interpreter", item.get("code"))
            lines += [called, steps.result(item.get("output"))]
        elif kind in _HOSTED_CALLS:
            calls += 1
            asked = item.get("action") or item.get("actions") or item.get("queries")
            lines.append(steps.call(kind, asked))
        else:
            texts.append(_joined(item.get("content")))
    inner = [thoughts.split(text) for text in texts]
    lines += [thought for _, thought in inner]
    return Parts(
        "\n\n".join(text.strip() for text, _ in inner if text.strip()),
        "\n\n".join(line.strip() for line in lines if line.strip()),
        taken,
        calls,
    )


def _joined(parts: object) -> str:
    return "".join(text_of(fields_of(part).get("text")) for part in list_of(parts))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else ""


def _said(content: object, tally: Tally) -> str:
    """Return the text of a message, which is one string or a list of parts."""
    if isinstance(content, str):
        return content.strip()
    parts = [fields_of(part) for part in list_of(content)]
    tally.leave(Kind.PICTURE, sum(1 for part in parts if part.get("type") == "image_url"))
    return "\n\n".join(filter(None, (text_of(part.get("text")) for part in parts)))


def _files(files: object, tally: Tally) -> tuple[Attachment, ...]:
    """Return the files whose text is in the export, and count the others."""
    found = []
    for entry in map(fields_of, list_of(files)):
        file = fields_of(entry.get("file"))
        text = text_of(fields_of(file.get("data")).get("content"))
        kind = text_of(entry.get("type"))
        if text:
            name = text_of(entry.get("name")) or text_of(file.get("filename")) or "file"
            found.append(Attachment(name, text))
        elif kind == "image" or text_of(entry.get("content_type")).startswith("image/"):
            tally.leave(Kind.PICTURE)
        elif entry:
            tally.leave(Kind.FILE)
    return tuple(found)


def _sources(text: str, message: Mapping[str, Any]) -> str:
    """Return lines that explain the numbers of sources in an answer, if there are any."""
    if not _NUMBER.search(text):
        return ""
    names: dict[str, str] = {}
    for entry in list_of(message.get("sources")) or list_of(message.get("citations")):
        source = fields_of(fields_of(entry).get("source"))
        for about in map(fields_of, list_of(fields_of(entry).get("metadata")) or [{}]):
            keys = (about.get("source"), source.get("id"), source.get("url"), source.get("name"))
            key = next((text_of(key) for key in keys if text_of(key)), "")
            url = text_of(about.get("url")) or text_of(source.get("url"))
            url = url or (key if key.startswith("http") else "")
            name = text_of(about.get("name")) or text_of(source.get("name"))
            shown = " ".join(dict.fromkeys(part for part in (name, url) if part))
            if key and shown:
                names.setdefault(key, shown)
    lines = [f"[{number}] {name}" for number, name in enumerate(names.values(), 1)]
    return "\n\n" + "\n".join(lines) if lines else ""
