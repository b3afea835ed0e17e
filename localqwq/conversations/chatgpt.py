"""ChatGPT's export: ``conversations.json``, a list of trees of messages.

What was said is taken over, summaries of thoughts included. Calls of tools with their results,
and messages that ChatGPT does not show, are left out; a picture leaves a word in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localqwq.conversations.imported import Imported, admit, fields_of, seconds, text_of
from localqwq.conversations.nodes import Node, grow
from localqwq.conversations.turns import Role

PICTURE = "[picture]"


def is_conversation(item: Mapping[str, Any]) -> bool:
    """Whether an entry of a list looks like one of ChatGPT's conversations."""
    return isinstance(item.get("mapping"), dict)


def read(item: Mapping[str, Any]) -> Imported | None:
    """The conversation; None where nothing was said in it."""
    nodes: dict[str, Node] = {}
    system = ""
    for number, entry in item["mapping"].items():
        entry = fields_of(entry)
        message = fields_of(entry.get("message"))
        parent = entry.get("parent")
        nodes[number] = _node(parent if isinstance(parent, str) else None, message)
        system = system or _system(message)
    current = item.get("current_node")
    grown = grow(nodes, current if isinstance(current, str) else None)
    if grown is None:
        return None
    times = item.get("create_time"), item.get("update_time")
    return admit(text_of(item.get("title")), *grown, times, system)


def _node(parent: str | None, message: Mapping[str, Any]) -> Node:
    role = _role(message)
    content, metadata = fields_of(message.get("content")), fields_of(message.get("metadata"))
    hidden = metadata.get("is_visually_hidden_from_conversation") is True
    called = message.get("recipient", "all") not in ("all", None)
    if role is None or hidden or called:
        return Node(parent, None)
    text, thought = _said(content), _thought(content)
    if not text and not thought:
        return Node(parent, None)
    return Node(
        parent,
        role,
        text,
        thought,
        text_of(metadata.get("model_slug")) if role == "assistant" else "",
        seconds(message.get("create_time")),
    )


def _role(message: Mapping[str, Any]) -> Role | None:
    match fields_of(message.get("author")).get("role"):
        case "user":
            return "user"
        case "assistant":
            return "assistant"
    return None


def _system(message: Mapping[str, Any]) -> str:
    if fields_of(message.get("author")).get("role") != "system":
        return ""
    return _said(fields_of(message.get("content")))


def _said(content: Mapping[str, Any]) -> str:
    parts = content.get("parts")
    kind = content.get("content_type", "text")
    if kind not in ("text", "multimodal_text") or not isinstance(parts, list):
        return ""
    return "\n\n".join(said for part in parts if (said := _part(part)))


def _part(part: object) -> str:
    if isinstance(part, str):
        return part.strip()
    fields = fields_of(part)
    if "image" in text_of(fields.get("content_type")):
        return PICTURE
    return text_of(fields.get("text")).strip()


def _thought(content: Mapping[str, Any]) -> str:
    thoughts = content.get("thoughts")
    if content.get("content_type") != "thoughts" or not isinstance(thoughts, list):
        return ""
    lines = (
        text_of(fields_of(thought).get(part)).strip()
        for thought in thoughts
        for part in ("summary", "content")
    )
    return "\n\n".join(line for line in lines if line)
