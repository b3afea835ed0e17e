"""Tool calls of other programs, as lines of the thought in which they were made."""

from __future__ import annotations

import json


def call(name: str, arguments: object) -> str:
    """Return the lines for a call."""
    said = compact(arguments)
    return f"→ {name}{_behind(said)}"


def result(value: object) -> str:
    """Return the lines for a call's result; empty if there is none."""
    said = compact(value)
    return f"←{_behind(said)}" if said else ""


def compact(value: object) -> str:
    """Return a JSON value as text; text that is itself a JSON string is unpacked."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith('"') and text.endswith('"'):
            try:
                inner = json.loads(text)
            except (ValueError, RecursionError):
                return text
            return inner.strip() if isinstance(inner, str) else text
        return text
    return "" if value in (None, {}, []) else json.dumps(value, ensure_ascii=False)


def _behind(text: str) -> str:
    """Return text to follow a name: below it if it has several lines."""
    if not text:
        return ""
    return f"\n{text}" if "\n" in text else f" {text}"
