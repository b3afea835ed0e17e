"""Anthropic's API in the OpenAPI description."""

from localqwq.server.http.messages_api.schema import MessagesRequest
from localqwq.server.http.openapi_parts import (
    COUNT,
    TEXT,
    Json,
    object_of,
    post,
    typed_generation,
    with_errors,
)

MESSAGES_ERROR = object_of(
    {
        "type": {"const": "error"},
        "error": object_of({"type": TEXT, "message": {"type": "string", "minLength": 1}}),
    }
)
_USAGE = object_of(
    {
        "input_tokens": COUNT,
        "cache_creation_input_tokens": COUNT,
        "cache_read_input_tokens": COUNT,
        "output_tokens": COUNT,
    }
)
_BLOCK = object_of(
    {"type": {"enum": ["thinking", "text", "tool_use"]}},
    thinking=TEXT,
    signature=TEXT,
    text=TEXT,
    id=TEXT,
    name=TEXT,
    input={"type": "object"},
)
_REASONS = [
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "model_context_window_exceeded",
]
_MESSAGE = object_of(
    {
        "id": TEXT,
        "type": {"const": "message"},
        "role": {"const": "assistant"},
        "model": TEXT,
        "content": {"type": "array", "items": _BLOCK},
        "stop_reason": {"enum": _REASONS},
        "stop_sequence": {"type": ["string", "null"]},
        "usage": _USAGE,
    }
)
_EVENT = object_of(
    {
        "type": {
            "enum": [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
                "ping",
                "error",
            ]
        }
    }
)


def messages_paths() -> Json:
    """Return the paths of Anthropic's API."""
    paths = {
        "/v1/messages": typed_generation(
            "Answer a conversation, in Anthropic's form", MessagesRequest, _MESSAGE, _EVENT
        ),
        "/v1/messages/count_tokens": post(
            "Count the tokens of a conversation",
            MessagesRequest,
            object_of({"input_tokens": COUNT}),
        ),
    }
    return {path: with_errors(operations, "MessagesError") for path, operations in paths.items()}
