"""Documents that ChatGPT writes beside the conversation: created by one call, changed by others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from localqwq.conversations.imported import fields_of, list_of, text_of
from localqwq.conversations.turns import fenced

_CREATE, _UPDATE = "canmore.create_textdoc", "canmore.update_textdoc"
_EVERYTHING = frozenset({".*", "(?s).*", "^.*$", "(?s)^.*$", "[\\s\\S]*"})
"""Patterns of a change that rewrites the whole document."""
_ESCAPES = {"n": "\n", "t": "\t"}
_ESCAPED = re.compile(r"\\(n|t|[^\w\s])")
_PLAIN = re.compile(r"(?:\\(?:n|t|[^\w\s])|[^\\.^$*+?{}\[\]|()])+")
"""Patterns that match only one literal text."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document at some point of a conversation."""

    name: str
    kind: str
    content: str

    def shown(self) -> str:
        """Return the document as part of an answer."""
        body = self.content if self.kind == "document" else fenced(self.content)
        return f"**{self.name}**\n\n{body}"


def document(recipient: str, payload: str, before: Document | None) -> Document | None:
    """Return the document that a call results in; None for other calls.

    ``before`` is the document as it was. Changes with patterns other than literal text are not
    repeated here: foreign patterns can take hours.
    """
    if recipient not in (_CREATE, _UPDATE):
        return None
    try:
        fields = fields_of(json.loads(payload))
    except (ValueError, RecursionError):
        return None
    if recipient == _CREATE:
        content = text_of(fields.get("content"))
        kind = text_of(fields.get("type")) or "document"
        name = text_of(fields.get("name")).strip() or "Document"
        return Document(name, kind, content) if content else None
    changed = before or Document("Document", "document", "")
    for update in list_of(fields.get("updates")):
        following = _changed(changed, fields_of(update))
        if following is None:
            return None
        changed = following
    return changed if changed.content and changed != before else None


def _changed(before: Document, update: Mapping[str, Any]) -> Document | None:
    pattern, replacement = text_of(update.get("pattern")), text_of(update.get("replacement"))
    if pattern in _EVERYTHING:
        return replace(before, content=replacement)
    plain = _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), pattern)
    if _PLAIN.fullmatch(pattern) and plain in before.content:
        times = -1 if update.get("multiple") is True else 1
        return replace(before, content=before.content.replace(plain, replacement, times))
    return None
