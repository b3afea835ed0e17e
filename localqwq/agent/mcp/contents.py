"""What servers return, as text: results of tools, resources and prompts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from localqwq.agent.results import harmless
from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message

if TYPE_CHECKING:
    from mcp_types import CallToolResult, GetPromptResult, ReadResourceResult


def result_text(result: CallToolResult) -> str:
    """Return a result's text; its structured content if it has no other."""
    parts = [block_text(block) for block in result.content]
    if not any(parts) and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(part for part in parts if part) or "It returned nothing."


def resource_text(result: ReadResourceResult) -> str:
    """Return a resource's text, harmless. Raises :class:`LocalqwqError` if it has none."""
    texts = [one.text for one in result.contents if hasattr(one, "text")]
    if not texts:
        kinds = ", ".join(sorted({one.mime_type or "unknown" for one in result.contents}))
        raise LocalqwqError(f"It has no text, but {kinds or 'nothing'}.")
    return harmless("\n".join(texts))


def prompt_messages(result: GetPromptResult) -> list[Message]:
    """Return a prompt's messages, harmless; neighbours of the same role become one."""
    messages: list[Message] = []
    for one in result.messages:
        text = harmless(block_text(one.content))
        if messages and messages[-1]["role"] == one.role:
            messages[-1]["content"] += f"\n\n{text}"
        else:
            messages.append({"role": one.role, "content": text})
    return messages


def block_text(block: Any) -> str:
    """Return one block of content; what is no text is named."""
    match block.type:
        case "text":
            return str(block.text)
        case "resource" if hasattr(block.resource, "text"):
            return str(block.resource.text)
        case "resource":
            return f"[{block.resource.uri}: {_size(block.resource.blob)} that are not text]"
        case "resource_link":
            words = f": {block.description}" if block.description else ""
            return f"[{block.name} at {block.uri}{words}]"
        case kind:
            return f"[{kind}, {block.mime_type}, {_size(block.data)}: this model reads text only]"


def _size(base64: str) -> str:
    return f"{len(base64) * 3 // 4:,} bytes"


def texts_of(messages: Iterable[Message]) -> str:
    """Return messages as one prompt; a single one as it is."""
    found = list(messages)
    if len(found) == 1:
        return found[0]["content"]
    return "\n\n".join(f"{one['role'].capitalize()}: {one['content']}" for one in found)
