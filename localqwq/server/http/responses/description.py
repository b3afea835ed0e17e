"""The Responses API in the OpenAPI description."""

from localqwq.server.http.openapi_parts import (
    COUNT,
    TEXT,
    Json,
    get,
    object_of,
    of_id,
    post,
    typed_generation,
)
from localqwq.server.http.responses.schema import ResponsesRequest

_ITEM = object_of(
    {
        "id": TEXT,
        "type": {"enum": ["reasoning", "message", "function_call", "custom_tool_call"]},
        "status": {"enum": ["in_progress", "completed", "incomplete"]},
    },
    role={"const": "assistant"},
    content={"type": "array", "items": object_of({"type": TEXT, "text": TEXT})},
    encrypted_content=TEXT,
    call_id=TEXT,
    name=TEXT,
    arguments=TEXT,
    input=TEXT,
)
_USAGE = object_of(
    {
        "input_tokens": COUNT,
        "input_tokens_details": object_of({"cached_tokens": COUNT}),
        "output_tokens": COUNT,
        "output_tokens_details": object_of({"reasoning_tokens": COUNT}),
        "total_tokens": COUNT,
    }
)
_RESPONSE = object_of(
    {
        "id": TEXT,
        "object": {"const": "response"},
        "created_at": COUNT,
        "model": TEXT,
        "status": {"enum": ["completed", "incomplete"]},
        "incomplete_details": {
            "type": ["object", "null"],
            "properties": {"reason": {"const": "max_output_tokens"}},
        },
        "output": {"type": "array", "items": _ITEM},
        "usage": _USAGE,
    }
)
_STORED = _RESPONSE | {
    "properties": _RESPONSE["properties"]
    | {
        "status": {"enum": ["completed", "incomplete", "in_progress", "failed", "cancelled"]},
        "usage": {"anyOf": [_USAGE, {"type": "null"}]},
    }
}
_ITEMS = object_of(
    {
        "object": {"const": "list"},
        "data": {"type": "array", "items": object_of({"id": TEXT, "type": TEXT})},
        "first_id": {"type": ["string", "null"]},
        "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"},
    }
)
_EVENT = object_of(
    {
        "type": {
            "enum": [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.reasoning_text.delta",
                "response.reasoning_text.done",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "response.custom_tool_call_input.delta",
                "response.custom_tool_call_input.done",
                "response.output_item.done",
                "response.completed",
                "response.incomplete",
                "response.failed",
            ]
        },
        "sequence_number": COUNT,
    }
)


def _deletion(summary: str) -> Json:
    deleted = object_of({"id": TEXT, "deleted": {"const": True}})
    return {"delete": get(summary, deleted)["get"]}


def responses_paths() -> Json:
    """Return the paths of the Responses API."""
    return {
        "/v1/responses": typed_generation(
            "Answer a conversation, in the form of OpenAI's newer API",
            ResponsesRequest,
            _RESPONSE,
            _EVENT,
        ),
        "/v1/responses/{id}": of_id(get("Return a stored response", _STORED), 404)
        | of_id(_deletion("Delete a stored response"), 404),
        "/v1/responses/{id}/cancel": of_id(
            post("Stop a response that is generated in the background", None, _STORED), 400, 404
        ),
        "/v1/responses/{id}/input_items": of_id(
            get("Return what a stored response answers, the newest item first", _ITEMS), 400, 404
        ),
        "/v1/responses/input_tokens": post(
            "Count the tokens of a conversation, in the form of OpenAI's newer API",
            ResponsesRequest,
            object_of({"object": {"const": "response.input_tokens"}, "input_tokens": COUNT}),
        ),
    }
