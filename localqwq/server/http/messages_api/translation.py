"""From Anthropic's request to the chat completion that asks for the same; pure."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import SamplingFields
from localqwq.server.http.inner_request import chat_request, function_tool
from localqwq.server.http.messages_api.schema import (
    AnthropicMessage,
    AnthropicTool,
    ContentBlock,
    Json,
    MessagesRequest,
)
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.thought_signature import signed_thought

HARMLESS = frozenset(
    {
        "betas",
        "cache_control",
        "container",
        "context_management",
        "diagnostics",
        "inference_geo",
        "metadata",
        "model",
        "service_tier",
        "speed",
    }
)
"""Fields that do not change the answers of this server."""
_BILLING = re.compile(r"\A\s*x-anthropic-billing-header:[^\n]*\n*")
_HOSTED_BLOCKS = ("server_tool_use", "container_upload", "compaction")


def to_chat(request: MessagesRequest) -> ChatRequest:
    """Return the chat completion request; raises ``InvalidRequestError`` if there is none."""
    _check_choice(request)
    thinking = request.thinking
    output = request.output_config
    sampling = {name: getattr(request, name) for name in SamplingFields.model_fields}
    last = request.messages[-1]
    return chat_request(
        sampling
        | {
            "messages": [*_system(request.system), *_messages(request.messages)],
            "continue_final_message": last.role == "assistant" or None,
            "tools": [_tool(one) for one in request.tools or () if not one.is_hosted] or None,
            "tool_choice": _choice(request),
            "parallel_tool_calls": _parallel(request),
            "max_tokens": request.max_tokens,
            "stop": request.stop_sequences or None,
            "stream": request.stream,
            "enable_thinking": {"enabled": True, "disabled": False}.get(
                thinking.type if thinking else ""
            ),
            "reasoning_budget": thinking and thinking.budget_tokens,
            "reasoning_effort": output and output.effort,
            "response_format": request.form
            and {"type": "json_schema", "json_schema": {"schema": request.form.schema_}},
        }
    )


def _check_choice(request: MessagesRequest) -> None:
    choice = request.tool_choice
    if choice is None or choice.type != "tool":
        return
    if choice.name is None:
        raise InvalidRequestError("The field 'tool_choice' is invalid: it needs a name.")
    if choice.name in request.hosted_tools:
        raise InvalidRequestError(
            f"The tool {choice.name!r} cannot be forced: it has no input_schema, so only "
            "Anthropic's models know it; describe it as a tool of your own.",
            "tool_choice",
        )


def _choice(request: MessagesRequest) -> Any:
    choice = request.tool_choice
    if choice is None:
        return None
    if choice.type == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return {"any": "required"}.get(choice.type, choice.type)


def _parallel(request: MessagesRequest) -> bool | None:
    choice = request.tool_choice
    return False if choice is not None and choice.disable_parallel_tool_use else None


def _tool(tool: AnthropicTool) -> Json:
    return function_tool(tool.name, tool.description, tool.input_schema, tool.strict)


def _system(blocks: Sequence[ContentBlock]) -> Iterator[Json]:
    texts = list(_texts(blocks, "system"))
    if texts:
        # It counts requests: in the prompt, it would make each of them a new one.
        texts[0] = _BILLING.sub("", texts[0])
    if not texts or texts == [""]:
        return
    yield {"role": "system", "content": [text for text in texts if text] or ""}


def _messages(messages: Sequence[AnthropicMessage]) -> Iterator[Json]:
    for index, message in enumerate(messages):
        place = f"messages.{index}.content"
        if message.role == "assistant":
            yield _assistant(message, place)
        else:
            yield from _said(message, place)


def _said(message: AnthropicMessage, place: str) -> Iterator[Json]:
    """Return a user's message as one or several: each tool's result is one of its own."""
    texts: list[str] = []
    said = False
    for block in message.content:
        if block.type == "tool_result":
            if texts:
                yield {"role": message.role, "content": texts}
                texts = []
            said = True
            content = list(_texts(block.content or (), place))
            yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": content}
        else:
            texts += _texts([block], place)
    if texts or not said:
        yield {"role": message.role, "content": texts}


def _assistant(message: AnthropicMessage, place: str) -> Json:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Json] = []
    for block in message.content:
        if block.type == "thinking":
            thought = signed_thought(block.thinking or "", block.signature or "")
            thoughts += [] if thought is None else [thought]
        elif block.type == "tool_use":
            arguments = json.dumps(block.input, ensure_ascii=False)
            function = {"name": block.name, "arguments": arguments}
            calls.append({"id": block.id, "type": "function", "function": function})
        elif block.type != "redacted_thinking":
            texts += _texts([block], place)
    spoken: Json = {"role": "assistant", "content": "".join(texts)}
    if thoughts:
        spoken["reasoning_content"] = "".join(thoughts)
    if calls:
        spoken["tool_calls"] = calls
    return spoken


def _texts(blocks: Sequence[ContentBlock], place: str) -> Iterator[str]:
    """Return the text of each block that has some.

    Blocks of tools that Anthropic runs are left out, like the tools themselves.
    """
    for block in blocks:
        match block.type:
            case "text":
                yield block.text or ""
            case "search_result":
                source = block.source if isinstance(block.source, str) else ""
                texts = _texts(block.content or (), place)
                yield "\n".join(filter(None, [block.title, source, *texts]))
            case "document":
                yield "\n".join(filter(None, [block.title, _document(block, place)]))
            case "tool_reference":
                yield block.tool_name or ""
            case kind if kind in _HOSTED_BLOCKS or kind.endswith("_tool_result"):
                continue
            case kind:
                raise InvalidRequestError(
                    f"The field {place!r} is invalid: this model reads text, and no block of the "
                    f"type {kind!r}; send the text in it as a block of the type 'text'.",
                    place,
                )


def _document(block: ContentBlock, place: str) -> str:
    source = block.source if isinstance(block.source, dict) else {}
    data, content = source.get("data"), source.get("content")
    if source.get("type") == "text" and isinstance(data, str):
        return data
    if source.get("type") == "content" and isinstance(content, str):
        return content
    if source.get("type") == "content" and isinstance(content, list):
        texts = [one.get("text") for one in content if isinstance(one, dict)]
        if all(isinstance(text, str) for text in texts) and len(texts) == len(content):
            return "\n".join(map(str, texts))
    raise InvalidRequestError(
        f"The field {place!r} is invalid: of documents, this model reads text alone; send the "
        "document's text.",
        place,
    )
