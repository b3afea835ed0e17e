"""Parts that Open WebUI wrote into message text before it kept a list of items.

A thought is quoted lines in ``<details type="reasoning">``; a tool call has its arguments and
result in the attributes of ``<details type="tool_calls">``.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from localqwq.conversations import steps

_BLOCK = re.compile(
    r'<details type="(reasoning|tool_calls|code_interpreter)"([^>]*)>(.*?)</details>', re.DOTALL
)
_ATTRIBUTE = re.compile(r'([a-z_]+)="([^"]*)"')
_SUMMARY = re.compile(r"\s*<summary>.*?</summary>", re.DOTALL)
_QUOTE = re.compile(r"^> ?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an answer."""

    text: str = ""
    thought: str = ""
    """The thought, including tool calls."""
    thought_seconds: float = 0.0
    calls: int = 0


def split(content: str) -> Parts:
    """Return the parts of an answer stored in one text."""
    texts: list[str] = []
    thoughts: list[str] = []
    taken = 0.0
    calls = 0
    position = 0
    for match in _BLOCK.finditer(content):
        texts.append(content[position : match.start()])
        position = match.end()
        attributes = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(match[2])}
        inside = html.unescape(_SUMMARY.sub("", match[3], count=1).strip())
        if match[1] == "reasoning":
            thoughts.append(_QUOTE.sub("", inside))
            taken += _seconds(attributes.get("duration", ""))
        else:
            calls += 1
            thoughts += _call(match[1], attributes, inside)
    texts.append(content[position:])
    kept = (text.strip() for text in texts)
    return Parts(
        "\n\n".join(text for text in kept if text),
        "\n\n".join(thought for thought in thoughts if thought),
        taken,
        calls,
    )


def _call(kind: str, attributes: dict[str, str], inside: str) -> list[str]:
    if kind == "code_interpreter":
        return [steps.call("code_interpreter", inside), steps.result(attributes.get("output", ""))]
    result = attributes.get("result", "") or inside
    name = attributes.get("name", "") or "tool"
    return [steps.call(name, steps.compact(attributes.get("arguments", ""))), steps.result(result)]


def _seconds(text: str) -> float:
    return float(text) if re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?", text) else 0.0
