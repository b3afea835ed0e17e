"""Converting the citation marks in ChatGPT's answers to links, or removing them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localqwq.conversations.imported import fields_of, list_of, text_of

_OLD = re.compile(r"[ \t]?【[^【】\n]*†[^【】\n]*】")
"""Such as ``【4†source】``, and the space before it."""
_NEW = re.compile("[ \t]?\ue200([a-z_]+)\ue202([^\ue200\ue201]*)\ue201")
"""A kind and its values, between private-use characters."""
_SIGNS = re.compile("[\ue200-\ue2ff]")


def resolved(text: str, metadata: Mapping[str, Any]) -> str:
    """Return an answer's text with links where the export says what a mark stands for."""
    for entry in list_of(metadata.get("content_references")):
        reference = fields_of(entry)
        mark = text_of(reference.get("matched_text"))
        if mark.strip() and ("\ue200" in mark or "†" in mark):
            text = text.replace(mark, _shown(reference))
    links = [_link(fields_of(entry.get("metadata"))) for entry in _old(metadata)]
    if links and len(links) == len(_OLD.findall(text)):
        waiting = iter(links)
        text = _OLD.sub(lambda _: f" ({link})" if (link := next(waiting)) else "", text)
    text = _NEW.sub(_bare, _OLD.sub("", text))
    return _SIGNS.sub("", text)


def _old(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return citations of the older form in the order of their marks."""
    found = [fields_of(entry) for entry in list_of(metadata.get("citations"))]
    if not all(isinstance(entry.get("start_ix"), int) for entry in found):
        return []
    return sorted(found, key=lambda entry: int(entry["start_ix"]))


def _shown(reference: Mapping[str, Any]) -> str:
    """Return what ChatGPT shows for a reference."""
    alternative = text_of(reference.get("alt")) or text_of(reference.get("name"))
    if alternative:
        return alternative
    items = [fields_of(item) for item in list_of(reference.get("items"))] or [reference]
    links = [link for item in items if (link := _link(item))]
    return f"({', '.join(links)})" if links else ""


def _link(source: Mapping[str, Any]) -> str:
    """Return a Markdown link; empty without an address."""
    url = text_of(source.get("url"))
    if not url.startswith(("http://", "https://")):
        return ""
    title = " ".join(text_of(source.get("title")).replace("]", "").replace("[", "").split())
    return f"[{title}]({url})" if title else url


def _bare(match: re.Match[str]) -> str:
    """Return the visible text of a mark: the label of a link, the name of an entity."""
    kind, values = match.group(1), match.group(2).split("\ue202")
    space = " " if match.group().startswith((" ", "\t")) else ""
    if kind == "url":
        return space + values[0]
    if kind == "entity":
        try:
            parts = json.loads(values[0])
        except (ValueError, RecursionError):
            return ""
        names = [part for part in list_of(parts) if isinstance(part, str)]
        return space + names[1] if len(names) > 1 else ""
    return ""
