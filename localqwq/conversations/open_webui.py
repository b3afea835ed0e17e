"""Open WebUI's export: a list of chats, each with a tree of messages.

Thoughts stand inside its messages, as quoted lines in ``<details type="reasoning">``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from localqwq.conversations.imported import Imported, admit, fields_of, seconds, text_of
from localqwq.conversations.nodes import Node, grow
from localqwq.conversations.turns import Attachment, Role

_OPEN, _CLOSE = '<details type="reasoning"', "</details>"
_SUMMARY_END = "</summary>"
_DURATION = re.compile(r'duration="(\d{1,6})')
_QUOTE = re.compile(r"^> ?", re.MULTILINE)


def is_conversation(item: Mapping[str, Any]) -> bool:
    """Whether an entry of a list looks like one of Open WebUI's chats."""
    chat = fields_of(item.get("chat"))
    return isinstance(chat.get("messages"), list) or isinstance(chat.get("history"), dict)


def read(item: Mapping[str, Any]) -> Imported | None:
    """The conversation; None where nothing was said in it."""
    chat = fields_of(item.get("chat"))
    history = fields_of(chat.get("history"))
    messages = fields_of(history.get("messages")) or _in_a_row(chat.get("messages"))
    nodes: dict[str, Node] = {}
    system = text_of(chat.get("system")) or text_of(fields_of(chat.get("params")).get("system"))
    for number, message in messages.items():
        fields = fields_of(message)
        nodes[number] = _node(fields)
        if fields.get("role") == "system":
            system = system or _said(fields.get("content"))
    current = history.get("currentId")
    grown = grow(nodes, current if isinstance(current, str) else None)
    if grown is None:
        return None
    times = item.get("created_at") or chat.get("timestamp"), item.get("updated_at")
    title = text_of(item.get("title")) or text_of(chat.get("title"))
    return admit(title, *grown, times, system, item.get("pinned") is True)


def _in_a_row(messages: object) -> Mapping[str, Any]:
    """A tree without branches of a list, as very old chats have it."""
    rows = messages if isinstance(messages, list) else []
    return {
        str(number): {**fields_of(message), "parentId": str(number - 1) if number else None}
        for number, message in enumerate(rows)
    }


def _node(message: Mapping[str, Any]) -> Node:
    parent = message.get("parentId")
    parent = parent if isinstance(parent, str) else None
    role: Role | None = None
    match message.get("role"):
        case "user":
            role = "user"
        case "assistant":
            role = "assistant"
    said = _said(message.get("content"))
    text, thought, thought_seconds = split(said) if role == "assistant" else (said, "", 0.0)
    attachments = _files(message.get("files"))
    if role is None or not (text or thought or attachments):
        return Node(parent, None)
    return Node(
        parent,
        role,
        text,
        thought,
        text_of(message.get("model")) if role == "assistant" else "",
        seconds(message.get("timestamp")),
        thought_seconds,
        attachments,
    )


def split(content: str) -> tuple[str, str, float]:
    """The answer, the thought, and the seconds it took, of a message that holds both."""
    texts: list[str] = []
    thoughts: list[str] = []
    duration = 0.0
    position = 0
    while (start := content.find(_OPEN, position)) >= 0:
        end = content.find(_CLOSE, start)
        if end < 0:
            break
        block = content[start:end]
        texts.append(content[position:start])
        opening, _, rest = block.partition(">")
        _, summarized, inside = rest.partition(_SUMMARY_END)
        thoughts.append(_QUOTE.sub("", html.unescape((inside if summarized else rest).strip())))
        found = _DURATION.search(opening)
        duration += float(found.group(1)) if found else 0.0
        position = end + len(_CLOSE)
    texts.append(content[position:])
    kept = (text.strip() for text in texts)
    return "\n\n".join(text for text in kept if text), "\n\n".join(thoughts), duration


def _said(content: object) -> str:
    """The text of a message, which is one string or a list of parts."""
    if isinstance(content, str):
        return content.strip()
    parts = content if isinstance(content, list) else []
    return "\n\n".join(filter(None, (text_of(fields_of(part).get("text")) for part in parts)))


def _files(files: object) -> tuple[Attachment, ...]:
    """The files whose text is in the export."""
    found = []
    for entry in files if isinstance(files, list) else []:
        file = fields_of(fields_of(entry).get("file"))
        text = text_of(fields_of(file.get("data")).get("content"))
        if text:
            name = text_of(fields_of(entry).get("name")) or text_of(file.get("filename")) or "file"
            found.append(Attachment(name, text))
    return tuple(found)
