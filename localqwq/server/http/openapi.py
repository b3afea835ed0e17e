"""``GET /openapi.json``: a description generated from the models that check requests."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from localqwq.field_docs import field_docs
from localqwq.reasoning.events import ThoughtEnd
from localqwq.server.http.fields import Part, SamplingFields
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.text_schema import TextRequest
from localqwq.server.http.thoughts import BudgetRequest
from localqwq.server.http.tokens import DetokenizeRequest, TokenizeRequest
from localqwq.settings.sections import SamplingSettings
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
_REASON: Json = {"enum": ["stop", "length", "tool_calls"]}
_DETAILS = _object({"thought": {"enum": [*get_args(ThoughtEnd)]}}, reason={"const": "loop"})
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
_HEAD: dict[str, Json] = {
    "id": _TEXT,
    "created": {"type": "integer"},
    "model": _TEXT,
    "system_fingerprint": _TEXT,
}
_CHAT = _object(
    _HEAD
    | {
        "object": {"const": "chat.completion"},
        "choices": {
            "type": "array",
            "items": _object(
                {"index": _COUNT, "message": _MESSAGE, "finish_reason": _REASON},
                finish_details=_DETAILS,
            ),
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
                },
                finish_details=_DETAILS,
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
        "chat_template_takes": {"type": "object"},
        "total_slots": _COUNT,
        "default_generation_settings": _object({"n_ctx": _COUNT}),
    }
)
_ERRORS = {
    400: "The request is not valid.",
    401: "The API key is missing or wrong.",
    403: "The request comes from a web page that is not allowed.",
    404: "There is nothing with this id.",
    409: "The model is no longer thinking.",
    413: "The body is too large.",
    415: "The body is not JSON, or is compressed other than with gzip.",
    429: "Too many requests are waiting.",
    500: "The server failed.",
    503: "The model is loading, or the server is shutting down.",
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
    """Return the description, in OpenAPI 3.2, the first version that supports streams."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template=_REF, by_alias=True
    )
    for model in _all_parts(Part):
        if model.__name__ in schemas["$defs"]:
            described = schemas["$defs"][model.__name__]["properties"]
            for name, text in _help(model).items():
                described[model.model_fields[name].alias or name]["description"] = text
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
                _post("End the thought at its next sentence, and answer", None, _THOUGHT), 404, 409
            ),
            f"{answers}/budget": _of_id(
                _post("Change the budget of a running thought", BudgetRequest, _THOUGHT), 404, 409
            ),
            "/v1/completions": _generation(
                "Complete raw prompts, without a chat template",
                TextRequest,
                _COMPLETION,
                _COMPLETION_CHUNK,
            ),
            "/v1/models": _get("List the model that is served", _MODELS),
            "/v1/models/{id}": _of_id(_get("Describe the model, or answer 404", _MODEL), 404),
            "/tokenize": _post(
                "Turn text into tokens", TokenizeRequest, _object({"tokens": {"type": "array"}})
            ),
            "/detokenize": _post(
                "Turn tokens into text", DetokenizeRequest, _object({"content": _TEXT})
            ),
            "/props": _get(
                "Describe the model, its template and its context, as llama-server does", _PROPS
            ),
            "/health": _get(
                "Answer 200 when ready, and 503 with the progress while the model loads",
                _object({"status": _TEXT}),
            ),
            "/metrics": _get("Metrics for Prometheus", _TEXT, "text/plain"),
            "/openapi.json": _get("This description, in OpenAPI 3.2", _object({"openapi": _TEXT})),
        },
        "components": {
            "schemas": schemas["$defs"] | {"Error": _ERROR},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
        "security": [{}, {"key": []}, {"header": []}],
    }


def _all_parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for part in model.__subclasses__():
        yield part
        yield from _all_parts(part)


def _help(model: type[BaseModel]) -> dict[str, str]:
    """Return the help of a model's fields; sampling fields use that of the settings."""
    own = field_docs(model)
    shared = field_docs(SamplingSettings) if issubclass(model, SamplingFields) else {}
    return {name: text for name, text in (shared | own).items() if name in model.model_fields}


def _get(summary: str, schema: Json, kind: str = "application/json") -> Json:
    return {"get": {"summary": summary, "responses": _responses(schema, kind=kind)}}


def _post(summary: str, body: type[BaseModel] | None, schema: Json, *more: int) -> Json:
    """Return an operation; ``more``: statuses of errors beside the usual ones."""
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
    """Return a path with an id; ``more``: statuses of errors beside the usual ones."""
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
