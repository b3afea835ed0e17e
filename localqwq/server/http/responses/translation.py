"""From a Responses request to the chat completion that asks for the same; pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import SamplingFields
from localqwq.server.http.inner_request import chat_request, function_tool
from localqwq.server.http.responses.schema import (
    ContentPart,
    InputItem,
    Json,
    ResponsesRequest,
    ResponsesTool,
    whole_name,
)
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.thought_signature import signed_thought

HARMLESS = frozenset(
    {
        "client_metadata",
        "max_tool_calls",
        "model",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "stream_options",
        "top_logprobs",
        "user",
    }
)
"""Fields that do not change the answers of this server."""
REFUSED = {
    "background": "responses are not kept; leave it out and wait for the answer",
    "conversation": "responses are not kept; send the whole conversation in input",
    "previous_response_id": "responses are not kept; send the whole conversation in input",
    "prompt": "prompts are not kept; send its text in instructions and input",
}
"""Fields that would change the answer, unless they are null or false, and what to do instead."""
_TEXTS = ("input_text", "output_text", "text", "reasoning_text", "summary_text")
_CUSTOM_INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The arguments of a custom tool: one text."""


def to_chat(request: ResponsesRequest) -> ChatRequest:
    """Return the chat completion request; raises ``InvalidRequestError`` if there is none."""
    for name, instead in REFUSED.items():
        if getattr(request, name, None):
            raise InvalidRequestError(f"The field {name!r} is not supported: {instead}.", name)
    sampling = {name: getattr(request, name) for name in SamplingFields.model_fields}
    return chat_request(
        sampling
        | {
            "messages": [*_system(request.instructions), *_messages(request.input)],
            "tools": [_tool(one) for one in request.own_tools] or None,
            "tool_choice": _choice(request),
            "parallel_tool_calls": request.parallel_tool_calls,
            "max_tokens": request.max_output_tokens,
            "stream": request.stream,
            "reasoning_effort": request.reasoning and request.reasoning.effort,
            "response_format": _form(request),
        }
    )


def custom_input(arguments: str) -> str:
    """Return the text that a custom tool gets, from the arguments of the function that it became.

    Arguments that were cut off are returned as they are.
    """
    try:
        given = json.loads(arguments)
    except ValueError:
        return arguments
    text = given.get("input") if isinstance(given, dict) else None
    return text if isinstance(text, str) else arguments


def _choice(request: ResponsesRequest) -> Any:
    choice = request.tool_choice
    if choice is None or isinstance(choice, str):
        return choice
    if choice.type not in ("function", "custom") or choice.name is None:
        raise InvalidRequestError(
            f"A tool of the type {choice.type!r} cannot be forced: this server has only the "
            "functions and custom tools that a request describes, which are chosen by name.",
            "tool_choice",
        )
    return {"type": "function", "function": {"name": choice.name}}


def _form(request: ResponsesRequest) -> Json | None:
    form = None if request.text is None else request.text.format
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return {"type": "json_object"}
    described: Json = {"schema": form.schema_}
    if form.strict is not None:
        described["strict"] = form.strict
    return {"type": "json_schema", "json_schema": described}


def _tool(tool: ResponsesTool) -> Json:
    parameters = _CUSTOM_INPUT if tool.type == "custom" else tool.parameters
    return function_tool(tool.name, tool.description, parameters, tool.strict)


def _system(instructions: str | None) -> Iterator[Json]:
    if instructions:
        yield {"role": "system", "content": instructions}


def _messages(items: Sequence[InputItem]) -> list[Json]:
    """Return the items as messages: a thought, an answer and its calls are one of them."""
    messages: list[Json] = []
    is_open = False  # whether the last message is the assistant's and may go on
    for index, item in enumerate(items):
        found = _found(item, f"input.{index}")
        if found is None:
            continue
        continues = is_open and found["role"] == "assistant" and _may_follow(messages[-1], found)
        if continues:
            messages[-1] = _together(messages[-1], found)
        else:
            messages.append(found)
        is_open = found["role"] == "assistant"
    return messages


def _may_follow(before: Json, found: Json) -> bool:
    """Return whether an item belongs to the turn before it, rather than beginning another."""
    is_another_text = found["content"] and before["content"] and "tool_calls" not in before
    return "reasoning_content" not in found and not is_another_text


def _together(before: Json, found: Json) -> Json:
    merged = before | {"content": before["content"] + found["content"]}
    if calls := [*before.get("tool_calls", ()), *found.get("tool_calls", ())]:
        merged["tool_calls"] = calls
    return merged


def _found(item: InputItem, place: str) -> Json | None:
    match item.type:
        case "message":
            texts = _texts(item.content or (), f"{place}.content")
            content = "".join(texts) if item.role == "assistant" else texts
            return {"role": item.role, "content": content}
        case "reasoning":
            thought = "".join(_texts(item.content or (), f"{place}.content"))
            thought = thought or signed_thought("", item.encrypted_content or "") or ""
            if not thought:  # only another server can read it
                return None
            return {"role": "assistant", "content": "", "reasoning_content": thought}
        case "function_call":
            return _call(item, item.arguments or "")
        case "custom_tool_call":
            return _call(item, json.dumps({"input": item.input}, ensure_ascii=False))
        case "function_call_output" | "custom_tool_call_output":
            content = _texts(item.output or (), f"{place}.output")
            return {"role": "tool", "tool_call_id": item.call_id, "content": content}
        case "item_reference":
            raise InvalidRequestError(
                f"The field {place!r} is invalid: responses are not kept, so an item cannot be "
                "referred to; send the item itself.",
                place,
            )
        case _:
            return None


def _call(item: InputItem, arguments: str) -> Json:
    function = {"name": whole_name(item.namespace, item.name), "arguments": arguments}
    call = {"id": item.call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def _texts(parts: Sequence[ContentPart], place: str) -> list[str]:
    texts = []
    for part in parts:
        text = part.refusal if part.type == "refusal" else part.text
        if text is None or part.type not in (*_TEXTS, "refusal"):
            raise InvalidRequestError(
                f"The field {place!r} is invalid: this model reads text, and no part of the type "
                f"{part.type!r}; send its text as a part of the type 'input_text'.",
                place,
            )
        texts.append(text)
    return texts
