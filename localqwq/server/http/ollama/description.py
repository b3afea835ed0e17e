"""Ollama's API in the OpenAPI description."""

from pydantic import BaseModel

from localqwq.server.http.ollama.schema import OllamaChat, OllamaCopy, OllamaGenerate, OllamaNamed
from localqwq.server.http.openapi_parts import (
    COUNT,
    TEXT,
    Json,
    get,
    object_of,
    post,
    with_errors,
)

OLLAMA_ERROR = object_of({"error": {"type": "string", "minLength": 1}})
_CALL = object_of(
    {
        "id": TEXT,
        "function": object_of({"index": COUNT, "name": TEXT, "arguments": {"type": "object"}}),
    }
)
_MESSAGE = object_of(
    {"role": {"const": "assistant"}, "content": TEXT},
    thinking=TEXT,
    tool_calls={"type": "array", "items": _CALL},
)
_COURSE: dict[str, Json] = {
    "done_reason": {"enum": ["stop", "length", "load", "unload"]},
    "total_duration": COUNT,
    "load_duration": COUNT,
    "prompt_eval_count": COUNT,
    "prompt_eval_duration": COUNT,
    "eval_count": COUNT,
    "eval_duration": COUNT,
    "logprobs": {"type": "array", "items": {"type": "object"}},
}
_HEAD: dict[str, Json] = {"model": TEXT, "created_at": TEXT, "done": {"type": "boolean"}}
_CHAT = object_of(_HEAD | {"message": _MESSAGE}, **_COURSE)
_GENERATED = object_of(_HEAD | {"response": TEXT}, thinking=TEXT, **_COURSE)
_DETAILS = object_of(
    {
        "format": TEXT,
        "family": TEXT,
        "families": {"type": "array", "items": TEXT},
        "parameter_size": TEXT,
        "quantization_level": TEXT,
    }
)
_NAMED: dict[str, Json] = {
    "name": TEXT,
    "model": TEXT,
    "size": COUNT,
    "digest": TEXT,
    "details": _DETAILS,
}
_SHOWN = object_of(
    {
        "modelfile": TEXT,
        "parameters": TEXT,
        "template": TEXT,
        "details": _DETAILS,
        "model_info": {"type": "object"},
        "capabilities": {"type": "array", "items": TEXT},
        "modified_at": TEXT,
    }
)


def ollama_paths() -> Json:
    """Return the paths of Ollama's API."""
    paths = {
        "/api/chat": _lines("Answer a conversation, in Ollama's form", OllamaChat, _CHAT),
        "/api/generate": _lines(
            "Answer a prompt, or continue it as it is, in Ollama's form",
            OllamaGenerate,
            _GENERATED,
        ),
        "/api/tags": get(
            "List the models that can be used, in Ollama's form", _models({"modified_at": TEXT})
        ),
        "/api/ps": get(
            "List the models in memory, in Ollama's form",
            _models(
                {
                    "expires_at": TEXT,
                    "context_length": COUNT,
                    "size_vram": COUNT,
                    "bytes": COUNT,
                    "state": {"enum": ["loading", "ready"]},
                    "idle_s": {"type": "number", "minimum": 0},
                    "requests": COUNT,
                }
            ),
        ),
        "/api/show": post("Describe the model, or answer 404", OllamaNamed, _SHOWN, 404),
        "/api/pull": _lines(
            "Download a model, or resume that", OllamaNamed, object_of({"status": TEXT}), 404
        ),
        "/api/delete": _deletion("Delete a model", OllamaNamed, 404, 409),
        "/api/copy": _empty(
            post("Install a model under another name as well", OllamaCopy, TEXT, 404)
        ),
        "/api/version": get(
            "Return the version of Ollama whose API this is", object_of({"version": TEXT})
        ),
    }
    return {path: with_errors(operations, "OllamaError") for path, operations in paths.items()}


def _models(more: dict[str, Json]) -> Json:
    return object_of({"models": {"type": "array", "items": object_of(_NAMED | more)}})


def _deletion(summary: str, body: type[BaseModel], *more: int) -> Json:
    return {"delete": _empty(post(summary, body, TEXT, *more))["post"]}


def _empty(path: Json) -> Json:
    """Return a path whose answer has no content."""
    for operation in path.values():
        del operation["responses"]["200"]["content"]
    return path


def _lines(summary: str, body: type[BaseModel], schema: Json, *more: int) -> Json:
    """Return an operation that answers in lines of JSON, or as a whole."""
    operation = post(summary, body, schema, 429, *more)
    item = {"anyOf": [schema, OLLAMA_ERROR]}
    lines = {"application/x-ndjson": {"itemSchema": item}}
    operation["post"]["responses"]["200"]["content"] |= lines
    return operation
