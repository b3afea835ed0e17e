"""The texts in one delta of an answer, under the names and in the shapes of all servers."""

from collections.abc import Mapping
from typing import Any

from localqwq.client.json_values import list_in

_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_TEXTS = ("text", "content", "thinking", "reasoning", "summary")
_THOUGHT_PARTS = frozenset({"thinking", "reasoning", "reasoning.text", "reasoning.summary"})


def thought_in(delta: Mapping[str, Any]) -> str:
    """Return the piece of the thought, once even if a server sends it under several names."""
    for name in _THOUGHTS:
        if text := _text(delta.get(name)):
            return text
    if text := _text(delta.get("reasoning_details")):
        return text
    content = delta.get("content")
    return _text(list(filter(_is_thought, content))) if isinstance(content, list) else ""


def answer_in(delta: Mapping[str, Any]) -> str:
    """Return the piece of the answer, or of a model's refusal."""
    content = delta.get("content")
    if isinstance(content, list):
        content = [part for part in content if not _is_thought(part)]
    return _text(content) or _text(delta.get("refusal"))


def calls_in(delta: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the pieces of tool calls, including the function call of OpenAI's older API."""
    calls = delta.get("tool_calls")
    found = [call for call in list_in(calls) if isinstance(call, Mapping)]
    if isinstance(function := delta.get("function_call"), Mapping):
        found.append({"index": 0, "function": function})
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_text, value))
    if isinstance(value, Mapping):
        return next(filter(None, (_text(value.get(name)) for name in _TEXTS)), "")
    return ""


def _is_thought(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in _THOUGHT_PARTS
