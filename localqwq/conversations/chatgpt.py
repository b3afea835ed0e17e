"""ChatGPT's export: lists of conversations, each a tree of messages.

The text is imported, with summaries of thoughts, tool calls, and the documents written beside. What
ChatGPT does not show is counted, and so is what the files do not contain; a picture leaves a
placeholder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localqwq.conversations import canvas, citations, steps, thoughts
from localqwq.conversations.canvas import Document
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

PICTURE = "[picture]"
_SETTINGS = "user_editable_context"
_MEMORIES = "model_editable_context"
_UNSAID = frozenset({"reasoning_recap", _MEMORIES})
"""Kinds of content that repeat other content or are invisible."""


def is_conversation(item: Mapping[str, Any]) -> bool:
    """Return whether a list entry looks like one of ChatGPT's conversations."""
    return isinstance(item.get("mapping"), dict)


def read(item: Mapping[str, Any], tally: Tally) -> Imported | None:
    """Return the conversation; None if it is empty."""
    entries = {number: fields_of(entry) for number, entry in item["mapping"].items()}
    behind = parents(
        {number: entry.get("parent") for number, entry in entries.items()},
        {number: entry.get("children") for number, entry in entries.items()},
    )
    messages = {number: fields_of(entry.get("message")) for number, entry in entries.items()}
    reader = _Reader(messages, behind, text_of(item.get("default_model_slug")), tally)
    nodes = {number: reader.node(number) for number in messages}
    current = item.get("current_node")
    grown = grow(nodes, current if isinstance(current, str) else None, tally)
    if grown is None:
        return None
    times = item.get("create_time"), item.get("update_time")
    pinned = item.get("is_starred") is True
    return admit(text_of(item.get("title")), *grown, times, reader.system, pinned)


class _Reader:
    """Converts messages to nodes."""

    def __init__(
        self,
        messages: Mapping[str, Mapping[str, Any]],
        behind: Mapping[str, str | None],
        model: str,
        tally: Tally,
    ) -> None:
        """Set up; ``behind``: the parent of each message; ``model``: default model of answers."""
        self.system = ""
        self._messages = messages
        self._behind = behind
        self._model = model
        self._tally = tally
        self._documents: dict[str, Document] = {}

    def node(self, number: str) -> Node:
        """Return the node of a message; it has no role if it is left out."""
        message = self._messages[number]
        role = fields_of(message.get("author")).get("role")
        if role == "system":
            self._take_system(message)
        elif message and self._is_seen(message):
            node = self._seen(number, role, message)
            if (
                node.text
                or node.thought
                or (node.thought_seconds and self._follows_thought(number))
            ):
                created = seconds(message.get("create_time"))
                return replace(node, parent=self._behind[number], created=created)
        return Node(self._behind[number], None)

    def _seen(self, number: str, role: object, message: Mapping[str, Any]) -> Node:
        """Return the node of a message that ChatGPT shows."""
        match role:
            case "user":
                return Node(None, "user", self._said(message))
            case "assistant":
                model = text_of(fields_of(message.get("metadata")).get("model_slug"))
                return replace(self._answer(number, message), model=model or self._model)
            case "tool":
                return self._result(message)
        self._tally.leave(Kind.UNKNOWN)
        return Node(None, None)

    def _follows_thought(self, number: str) -> bool:
        """Return whether a message states how long the preceding thought took."""
        before = self._messages.get(self._behind[number] or "", {})
        return fields_of(before.get("content")).get("content_type") == "thoughts"

    def _is_seen(self, message: Mapping[str, Any]) -> bool:
        """Return whether ChatGPT shows a message; the user's instructions become the system
        prompt.
        """
        content, metadata = fields_of(message.get("content")), fields_of(message.get("metadata"))
        if content.get("content_type") == _SETTINGS:
            self._take_system(message)
            return False
        hidden = metadata.get("is_visually_hidden_from_conversation") is True
        if hidden and _text(content):
            self._tally.leave(Kind.HIDDEN)
        return not hidden

    def _take_system(self, message: Mapping[str, Any]) -> None:
        content = fields_of(message.get("content"))
        keys = ("user_profile", "user_instructions")
        own = "\n\n".join(filter(None, (text_of(content.get(key)).strip() for key in keys)))
        self.system = self.system or own or _text(content)

    def _answer(self, number: str, message: Mapping[str, Any]) -> Node:
        """Return a message of the model: a thought, a call, a document, or an answer."""
        content, metadata = fields_of(message.get("content")), fields_of(message.get("metadata"))
        kind = text_of(content.get("content_type"))
        recipient = text_of(message.get("recipient")) or "all"
        taken = seconds(metadata.get("finished_duration_sec"))
        if kind in _UNSAID:
            return Node(None, "assistant", thought_seconds=taken)
        if kind == "thoughts":
            return Node(None, "assistant", thought=_thoughts(content), thought_seconds=taken)
        if recipient != "all":
            return self._call(number, recipient, content)
        said, thought = thoughts.split(self._said(message))
        return Node(None, "assistant", citations.resolved(said, metadata), thought)

    def _call(self, number: str, recipient: str, content: Mapping[str, Any]) -> Node:
        """Return a tool call, which may write a document."""
        payload = _text(content)
        written = canvas.document(recipient, payload, self._document_before(number))
        if written is not None:
            self._documents[number] = written
            self._tally.found[Kind.DOCUMENT] += 1
            return Node(None, "assistant", written.shown())
        if not payload:
            return Node(None, "assistant")
        self._tally.found[Kind.CALL] += 1
        return Node(None, "assistant", thought=steps.call(recipient, payload))

    def _document_before(self, number: str) -> Document | None:
        """Return the last document written before a message."""
        seen = {number}
        before = self._behind[number]
        while before is not None and before not in seen and before in self._behind:
            if before in self._documents:
                return self._documents[before]
            seen.add(before)
            before = self._behind[before]
        return None

    def _result(self, message: Mapping[str, Any]) -> Node:
        """Return a tool's result: pictures and reports as part of the answer."""
        report = _report(fields_of(message.get("metadata")))
        if report:
            return Node(None, "assistant", report)
        name = text_of(fields_of(message.get("author")).get("name"))
        said = self._said(message)
        if PICTURE in said:
            return Node(None, "assistant", said)
        if name.startswith("canmore"):  # a confirmation that the document was written
            return Node(None, "assistant")
        return Node(None, "assistant", thought=steps.result(said))

    def _said(self, message: Mapping[str, Any]) -> str:
        """Return the text of a message, with placeholders for everything else."""
        content = fields_of(message.get("content"))
        parts = list_of(content.get("parts"))
        said = [self._part(part) for part in parts] if parts else [_text(content)]
        said += self._files(message)
        if content and not any(said) and content.get("content_type") not in ("text", *_UNSAID):
            self._tally.leave(Kind.UNKNOWN)
        return "\n\n".join(text for text in said if text)

    def _part(self, part: object) -> str:
        if isinstance(part, str):
            return part.strip()
        fields = fields_of(part)
        kind = text_of(fields.get("content_type"))
        if "image" in kind:
            self._tally.leave(Kind.PICTURE)
            return PICTURE
        if "audio_asset" in kind or "video" in kind:
            self._tally.leave(Kind.RECORDING)
        return text_of(fields.get("text")).strip()

    def _files(self, message: Mapping[str, Any]) -> list[str]:
        """Return a placeholder for each attached file, of which an export has only the name."""
        found = []
        for entry in list_of(fields_of(message.get("metadata")).get("attachments")):
            fields = fields_of(entry)
            name = text_of(fields.get("name"))
            is_picture = text_of(fields.get("mime_type")).startswith("image/")
            if name and not is_picture:  # pictures are part of the text
                self._tally.leave(Kind.FILE)
                found.append(f"[file: {name}]")
        return found


def _text(content: Mapping[str, Any]) -> str:
    """Return the plain text of any kind of content."""
    parts = [part.strip() for part in list_of(content.get("parts")) if isinstance(part, str)]
    found = "\n\n".join(part for part in parts if part)
    keys = ("text", "result", "content", "title")
    return found or next((text for key in keys if (text := text_of(content.get(key)).strip())), "")


def _thoughts(content: Mapping[str, Any]) -> str:
    lines = (
        text_of(fields_of(thought).get(part)).strip()
        for thought in list_of(content.get("thoughts"))
        for part in ("summary", "content")
    )
    return "\n\n".join(line for line in lines if line)


def _report(metadata: Mapping[str, Any]) -> str:
    """Return the report of a deep research, which is stored in its widget's state."""
    state = fields_of(metadata.get("chatgpt_sdk")).get("widget_state")
    try:
        fields = fields_of(json.loads(text_of(state) or "{}"))
    except (ValueError, RecursionError):
        return ""
    message = fields_of(fields.get("report_message"))
    said = _text(fields_of(message.get("content")))
    return citations.resolved(said, fields_of(message.get("metadata")))
