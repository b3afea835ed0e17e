"""``GET /openapi.json``: the server described, from the models that check its requests."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.text_schema import TextRequest
from localqwq.server.http.thoughts import BudgetRequest
from localqwq.server.http.tokens import DetokenizeRequest, TokenizeRequest
from localqwq.version import __version__

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_BODIES: tuple[type[BaseModel], ...] = (
    ChatRequest,
    TextRequest,
    BudgetRequest,
    TokenizeRequest,
    DetokenizeRequest,
)


def _object(required: dict[str, Json], **optional: Json) -> Json:
    return {
        "type": "object",
        "properties": required | optional,
        "required": sorted(required),
    }


_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_ERROR = _object(
    {
        "error": _object(
            {
                "message": {"type": "string", "minLength": 1},
                "type": _TEXT,
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            }
        )
    }
)
_USAGE = _object(
    {
        "prompt_tokens": _COUNT,
        "completion_tokens": _COUNT,
        "total_tokens": _COUNT,
        "prompt_tokens_details": _object({"cached_tokens": _COUNT}),
        "completion_tokens_details": _object({"reasoning_tokens": _COUNT}),
    }
)
_REASON: Json = {"enum": ["stop", "length", "tool_calls", "loop"]}
_CALL = _object(
    {
        "id": _TEXT,
        "type": {"const": "function"},
        "function": _object({"name": _TEXT, "arguments": _TEXT}),
    }
)
_MESSAGE = _object(
    {"role": {"const": "assistant"}, "content": {"type": ["string", "null"]}},
    reasoning_content=_TEXT,
    tool_calls={"type": "array", "items": _CALL},
)
_HEAD: dict[str, Json] = {"id": _TEXT, "created": {"type": "integer"}, "model": _TEXT}
_CHAT = _object(
    _HEAD
    | {
        "object": {"const": "chat.completion"},
        "choices": {
            "type": "array",
            "items": _object({"index": _COUNT, "message": _MESSAGE, "finish_reason": _REASON}),
        },
        "usage": _USAGE,
    }
)
_COMPLETION = _object(
    _HEAD
    | {
        "object": {"const": "text_completion"},
        "choices": {
            "type": "array",
            "items": _object(
                {
                    "index": _COUNT,
                    "text": _TEXT,
                    "logprobs": {"type": ["object", "null"]},
                    "finish_reason": _REASON,
                }
            ),
        },
        "usage": _USAGE,
    }
)
_LOGPROBS: Json = {"type": ["object", "null"]}
_OPEN: Json = {"enum": [*_REASON["enum"], None]}
_CHAT_CHUNK = _object(
    _HEAD
    | {
        "object": {"const": "chat.completion.chunk"},
        "choices": {
            "type": "array",
            "items": _object(
                {
                    "index": _COUNT,
                    "delta": _object({}, content=_TEXT, reasoning_content=_TEXT),
                    "logprobs": _LOGPROBS,
                    "finish_reason": _OPEN,
                }
            ),
        },
    },
    usage=_USAGE,
)
_COMPLETION_CHUNK = _object(
    _HEAD
    | {
        "object": {"const": "text_completion"},
        "choices": {
            "type": "array",
            "items": _object(
                {"index": _COUNT, "text": _TEXT, "logprobs": _LOGPROBS, "finish_reason": _OPEN}
            ),
        },
    },
    usage=_USAGE,
)
_THOUGHT = _object({"id": _TEXT, "reasoning_budget": {"type": "integer", "minimum": -1}})
_MODEL = _object({"id": _TEXT, "object": {"const": "model"}})
_MODELS = _object({"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}})
_PROPS = _object(
    {
        "model_alias": _TEXT,
        "chat_template": _TEXT,
        "total_slots": _COUNT,
        "default_generation_settings": _object({"n_ctx": _COUNT}),
    }
)
_ERRORS = {
    400: "The request is wrong.",
    401: "The key is missing or wrong.",
    403: "The request comes from a foreign page.",
    404: "There is nothing of this id.",
    409: "It does not think any more.",
    413: "The body is too long.",
    415: "The body is no JSON.",
    429: "As many requests wait as may.",
    500: "The server failed.",
    503: "The model is being loaded, or the server is ending.",
}
_ALWAYS = (401, 403, 500, 503)
_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}


@cache
def openapi() -> Json:
    """The description, in OpenAPI's version 3.2: the first that knows streams."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template=_REF, by_alias=False
    )
    answers = "/v1/chat/completions/{id}"
    return {
        "openapi": "3.2.0",
        "info": {
            "title": "localqwq",
            "version": __version__,
            "description": "OpenAI's API, with thoughts as `reasoning_content`.",
        },
        "paths": {
            "/v1/chat/completions": _generation(
                "Answer a conversation", ChatRequest, _CHAT, _CHAT_CHUNK
            ),
            f"{answers}/answer": _of_id(
                _post("End the thought and answer now", None, _THOUGHT), 404, 409
            ),
            f"{answers}/budget": _of_id(
                _post("Let the thought be so long", BudgetRequest, _THOUGHT), 404, 409
            ),
            "/v1/completions": _generation(
                "Go on from raw prompts", TextRequest, _COMPLETION, _COMPLETION_CHUNK
            ),
            "/v1/models": _get("What is served", _MODELS),
            "/v1/models/{id}": _of_id(_get("Whether a model is served", _MODEL), 404),
            "/tokenize": _post(
                "A text's tokens", TokenizeRequest, _object({"tokens": {"type": "array"}})
            ),
            "/detokenize": _post("Tokens' text", DetokenizeRequest, _object({"content": _TEXT})),
            "/props": _get("The model and its context", _PROPS),
            "/health": _get("Whether it answers", _object({"status": _TEXT})),
            "/metrics": _get("For Prometheus", _TEXT, "text/plain"),
            "/openapi.json": _get("This page", _object({"openapi": _TEXT})),
        },
        "components": {
            "schemas": schemas["$defs"] | {"Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _get(summary: str, schema: Json, kind: str = "application/json") -> Json:
    return {"get": {"summary": summary, "responses": _responses(schema, kind=kind)}}


def _post(summary: str, body: type[BaseModel] | None, schema: Json, *more: int) -> Json:
    """An operation; ``more``: statuses of errors beside the usual ones."""
    if body is None:
        return {"post": {"summary": summary, "responses": _responses(schema, *more)}}
    content = {"schema": {"$ref": _REF.format(model=body.__name__)}}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": _responses(schema, 400, 413, 415, *more),
        }
    }


def _generation(summary: str, body: type[BaseModel], schema: Json, chunk: Json) -> Json:
    operation = _post(summary, body, schema, 429)
    content = {"anyOf": [chunk, {"$ref": _REF.format(model="Error")}]}
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": content}
    event = _object({"data": _TEXT}) | {
        "description": "A chunk, or the error that ended it; [DONE] is the last.",
        "if": {"properties": {"data": {"const": "[DONE]"}}},
        "else": {"properties": {"data": data}},
    }
    operation["post"]["responses"]["200"]["content"]["text/event-stream"] = {"itemSchema": event}
    return operation


def _of_id(path: Json, *more: int) -> Json:
    """A path with an id in it; ``more``: statuses of errors beside the usual ones."""
    (operation,) = path.values()
    errors = _responses(_TEXT, *more)
    operation["responses"] |= {str(status): errors[str(status)] for status in more}
    operation["parameters"] = [_ID]
    return path


def _responses(schema: Json, *more: int, kind: str = "application/json") -> Json:
    responses: Json = {"200": {"description": "Done.", "content": {kind: {"schema": schema}}}}
    content = {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}}
    for status in sorted({*_ALWAYS, *more}):
        responses[str(status)] = {"description": _ERRORS[status], "content": content}
        if status in (429, 503):
            responses[str(status)]["headers"] = {"Retry-After": {"schema": _COUNT}}
    return responses
