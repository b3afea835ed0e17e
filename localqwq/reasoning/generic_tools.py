"""Tools as plain text, for templates that do not support them; pure.

The form is that of Hermes and Qwen, which most models have seen.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.reasoning.tags import Tag


def tools_text(tools: Sequence[Any]) -> str:
    """Return the text that describes the tools and how to call them."""
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    form = '{"name": "NAME", "arguments": {"ARGUMENT": VALUE}}'
    return (
        "You can call these tools, each described as JSON on a line of its own:\n"
        f"<tools>\n{listed}\n</tools>\n\n"
        "To call one, write its name and an object of arguments as JSON between the tags, and "
        "nothing after them:\n"
        f"{Tag.CALL_OPEN.value}\n{form}\n{Tag.CALL_CLOSE.value}\n"
        "What it returns follows between <tool_response> and </tool_response>."
    )


def call_text(function: Mapping[str, Any]) -> str:
    """Return a call as the model wrote it."""
    arguments = function["arguments"]
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    name = json.dumps(function["name"], ensure_ascii=False)
    body = f'{{"name": {name}, "arguments": {arguments.strip() or "{}"}}}'
    return f"{Tag.CALL_OPEN.value}\n{body}\n{Tag.CALL_CLOSE.value}"


def result_text(content: str) -> str:
    """Return a tool's result, for the user's turn."""
    return f"<tool_response>\n{content}\n</tool_response>"
