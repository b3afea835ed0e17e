"""Claude's export: a list of conversations, each with its messages in a row or in a tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localqwq.conversations import steps
from localqwq.conversations.imported import (
    Imported,
    admit,
    fields_of,
    list_of,
    seconds,
    text_of,
)
from localqwq.conversations.nodes import Node, grow
from localqwq.conversations.tally import Kind, Tally
from localqwq.conversations.turns import Attachment, Role, fenced

_ROLES: Mapping[str, Role] = {"human": "user", "user": "user", "assistant": "assistant"}
_PICTURE = re.compile(r".*\.(?:png|jpe?g|gif|webp|heic)", re.IGNORECASE)
_ARTIFACTS = "artifacts"
_UNSAID = frozenset({"token_budget", "flag", "redacted_thinking"})
_PASTED = "Pasted text"


def is_conversation(item: Mapping[str, Any]) -> bool:
    """Return whether a list entry looks like one of Claude's conversations."""
    return isinstance(item.get("chat_messages"), list)


def read(item: Mapping[str, Any], tally: Tally) -> Imported | None:
    """Return the conversation; None if it is empty."""
    rows = [fields_of(message) for message in item["chat_messages"]]
    numbers = [text_of(row.get("uuid")) or f"#{place}" for place, row in enumerate(rows)]
    has_tree = any(text_of(row.get("parent_message_uuid")) for row in rows)
    reader = _Reader(text_of(item.get("model")), tally)
    nodes: dict[str, Node] = {}
    for place, (number, row) in enumerate(zip(numbers, rows, strict=True)):
        before = numbers[place - 1] if place else None
        parent = text_of(row.get("parent_message_uuid")) or None if has_tree else before
        nodes[number] = reader.node(row, parent)
    current = text_of(item.get("current_leaf_message_uuid")) or (numbers[-1] if numbers else None)
    grown = grow(nodes, current, tally)
    if grown is None:
        return None
    times = item.get("created_at"), item.get("updated_at")
    return admit(text_of(item.get("name")), *grown, times, "", item.get("is_starred") is True)


class _Reader:
    """Converts messages to nodes."""

    def __init__(self, model: str, tally: Tally) -> None:
        self._model = model
        self._tally = tally
        self._artifacts: dict[str, tuple[str, str, bool]] = {}
        """Title and text of each document, and whether it is code."""

    def node(self, message: Mapping[str, Any], parent: str | None) -> Node:
        """Return the node of a message; it has no role if it is left out."""
        role = _ROLES.get(text_of(message.get("sender")))
        if role is None:
            self._tally.leave(Kind.UNKNOWN, bool(message))
            return Node(parent, None)
        texts: list[str] = []
        lines: list[str] = []
        taken = 0.0
        for block in map(fields_of, list_of(message.get("content"))):
            text, line = self._block(block)
            texts.append(text)
            lines.append(line)
            if block.get("type") == "thinking":
                began, ended = block.get("start_timestamp"), block.get("stop_timestamp")
                taken += max(0.0, seconds(ended) - seconds(began)) if began and ended else 0.0
        said = "\n\n".join(text.strip() for text in texts if text.strip())
        said = said or text_of(message.get("text")).strip()
        thought = "\n\n".join(line.strip() for line in lines if line.strip())
        attachments = self._attachments(message)
        if not (said or thought or attachments):
            return Node(parent, None)
        return Node(
            parent,
            role,
            said,
            thought if role == "assistant" else "",
            self._model if role == "assistant" else "",
            seconds(message.get("created_at")),
            taken,
            attachments,
        )

    def _block(self, block: Mapping[str, Any]) -> tuple[str, str]:
        """Return what a block adds to the text, and what to the thought."""
        match text_of(block.get("type")):
            case "text" | "voice_note":
                return text_of(block.get("text")), ""
            case "thinking":
                return "", text_of(block.get("thinking"))
            case "tool_use":
                arguments = fields_of(block.get("input"))
                document = self._artifact(block, arguments)
                if document:
                    self._tally.found[Kind.DOCUMENT] += 1
                    return document, ""
                self._tally.found[Kind.CALL] += 1
                return "", steps.call(text_of(block.get("name")) or "tool", arguments)
            case "tool_result":
                if block.get("name") == _ARTIFACTS:  # a confirmation that the document was written
                    return "", ""
                return "", steps.result(self._result(block.get("content")))
            case "image":
                self._tally.leave(Kind.PICTURE)
            case kind if block and kind not in _UNSAID:
                self._tally.leave(Kind.UNKNOWN)
        return "", ""

    def _artifact(self, block: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
        """Return the document that a call writes or changes; empty for other calls."""
        if block.get("name") != _ARTIFACTS:
            return ""
        number = text_of(arguments.get("id"))
        title, before, is_program = self._artifacts.get(number, ("Document", "", False))
        content = text_of(arguments.get("content"))
        old, new = text_of(arguments.get("old_str")), text_of(arguments.get("new_str"))
        if not content and old and old in before:
            content = before.replace(old, new, 1)
        if not content:
            return ""
        title = text_of(arguments.get("title")).strip() or title
        kind = text_of(arguments.get("type"))
        is_program = kind != "text/markdown" if kind else is_program
        self._artifacts[number] = title, content, is_program
        return f"**{title}**\n\n{fenced(content) if is_program else content}"

    def _result(self, content: object) -> object:
        """Return a tool's result as text; pictures are counted."""
        if not isinstance(content, list):
            return content
        blocks = [fields_of(block) for block in content]
        self._tally.leave(Kind.PICTURE, sum(1 for each in blocks if each.get("type") == "image"))
        said = "\n".join(filter(None, (text_of(block.get("text")) for block in blocks)))
        rest = [block for block in blocks if block.get("type") not in ("text", "image")]
        return said or rest

    def _attachments(self, message: Mapping[str, Any]) -> tuple[Attachment, ...]:
        """Return the files whose text is in the export, and count the others."""
        found: list[Attachment] = []
        names = set()
        for file in map(fields_of, list_of(message.get("attachments"))):
            name, text = text_of(file.get("file_name")), text_of(file.get("extracted_content"))
            names.add(name)
            if text:
                found.append(Attachment(name or f"{_PASTED} {len(found) + 1}", text))
            else:
                self._tally.leave(Kind.FILE)
        for file in map(fields_of, list_of(message.get("files"))):
            name = text_of(file.get("file_name"))
            if name not in names:
                is_picture = _PICTURE.fullmatch(name) or file.get("file_kind") == "image"
                self._tally.leave(Kind.PICTURE if is_picture else Kind.FILE)
        return tuple(found)
