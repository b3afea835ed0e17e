"""Calls of tools in words: one line for each, and all of it as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localqwq.conversations.rounds import Round, StoredCall
from localqwq.tui.text.measured import seconds
from localqwq.visible import visible

LONGEST = 60
"""Characters of arguments, and of a result, in the line of a call."""
_SAID = {"failed": "failed", "denied": "denied", "timed out": "took too long"}


def call_line(call: StoredCall) -> str:
    """Return a call in one line: ``calculator · 47 * 86 → 4042 · 0.1 s``."""
    parts = [call.name, arguments_in_brief(call)]
    said = " · ".join(part for part in parts if part)
    if not call.is_over:
        return visible(f"{said} …")
    took = f" · {seconds(call.seconds)}" if call.seconds else ""
    return visible(f"{said} → {outcome(call)}{took}")


def call_text(call: StoredCall) -> str:
    """Return all of a call: its name, its arguments, and what came of it."""
    from localqwq.conversations import steps

    given = _given(call.arguments)
    if isinstance(given, dict):
        lines = [_argument(name, value) for name, value in given.items()]
    else:
        lines = [call.arguments]
    parts = [call.name, *lines]
    if call.is_over:
        parts.append(steps.result(call.result) or "← (nothing)")
    return "\n".join(part for part in parts if part)


def whole_thought(rounds: Sequence[Round], thought: str) -> str:
    """Return everything before an answer: thoughts, texts and calls."""
    if not rounds:
        return thought
    parts: list[str] = []
    for one in rounds:
        parts += [one.thought.strip(), one.text.strip()]
        parts += [f"→ {call_text(call)}" for call in one.calls]
    return "\n\n".join(part for part in [*parts, thought.strip()] if part)


def number_of_calls(rounds: Sequence[Round]) -> str:
    """Return how many calls were made: ``1 call``; empty for none."""
    calls = sum(len(one.calls) for one in rounds)
    return "" if not calls else "1 call" if calls == 1 else f"{calls} calls"


def outcome(call: StoredCall) -> str:
    """Return what came of a call that is over, in brief."""
    if call.status == "done":
        return in_brief(call.result)
    if call.status in ("interrupted", "not run"):
        return call.status
    said = _SAID[call.status]
    return f"{said}: {in_brief(call.result)}" if call.status == "failed" else said


def arguments_in_brief(call: StoredCall) -> str:
    """Return the arguments of a call in one line; only the value, if there is one."""
    given = _given(call.arguments)
    if not isinstance(given, dict):
        return in_brief(call.arguments)
    if len(given) == 1:
        return in_brief(_value(*given.values()))
    return ", ".join(f"{name} {in_brief(_value(value))}" for name, value in given.items())[:LONGEST]


def _argument(name: str, value: Any) -> str:
    said = _value(value)
    return f"{name}:\n{said}" if "\n" in said else f"{name}: {said}"


def in_brief(text: str) -> str:
    """Return a text if it is short, else its beginning, or how many lines it has."""
    text = text.strip()
    lines = text.count("\n") + 1
    if lines > 1:
        return f"{lines:,} lines"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _value(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _given(text: str) -> Any:
    import json  # late: the first screen has no calls

    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
