"""``GET /openapi.json``: a description generated from the models that check requests."""

from collections.abc import Iterator
from functools import cache
from typing import get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from localqwq.field_docs import field_docs
from localqwq.reasoning.events import ThoughtEnd
from localqwq.server.http.embeddings.description import embedding_paths
from localqwq.server.http.embeddings.schema import (
    EmbeddingsRequest,
    OllamaEmbed,
    OllamaEmbeddings,
)
from localqwq.server.http.fields import Part, SamplingFields
from localqwq.server.http.messages_api.description import MESSAGES_ERROR, messages_paths
from localqwq.server.http.messages_api.schema import MessagesRequest
from localqwq.server.http.model_list import ModelRequest
from localqwq.server.http.ollama.description import OLLAMA_ERROR, ollama_paths
from localqwq.server.http.ollama.schema import OllamaChat, OllamaCopy, OllamaGenerate, OllamaNamed
from localqwq.server.http.openapi_parts import (
    COUNT,
    ERROR,
    REF,
    TEXT,
    Json,
    generation,
    get,
    object_of,
    of_id,
    post,
)
from localqwq.server.http.responses.description import responses_paths
from localqwq.server.http.responses.schema import ResponsesRequest
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.text_schema import TextRequest
from localqwq.server.http.thoughts import BudgetRequest
from localqwq.server.http.tokens import DetokenizeRequest, TokenizeRequest
from localqwq.settings.sections import SamplingSettings
from localqwq.version import __version__

_BODIES: tuple[type[BaseModel], ...] = (
    ChatRequest,
    TextRequest,
    BudgetRequest,
    TokenizeRequest,
    DetokenizeRequest,
    MessagesRequest,
    ResponsesRequest,
    OllamaChat,
    OllamaGenerate,
    OllamaNamed,
    OllamaCopy,
    ModelRequest,
    EmbeddingsRequest,
    OllamaEmbed,
    OllamaEmbeddings,
)


_USAGE = object_of(
    {
        "prompt_tokens": COUNT,
        "completion_tokens": COUNT,
        "total_tokens": COUNT,
        "prompt_tokens_details": object_of({"cached_tokens": COUNT}),
        "completion_tokens_details": object_of({"reasoning_tokens": COUNT}),
    }
)
_REASON: Json = {"enum": ["stop", "length", "tool_calls"]}
_DETAILS = object_of(
    {"thought": {"enum": [*get_args(ThoughtEnd)]}}, reason={"const": "loop"}, stop=TEXT
)
_CALL = object_of(
    {
        "id": TEXT,
        "type": {"const": "function"},
        "function": object_of({"name": TEXT, "arguments": TEXT}),
    }
)
_MESSAGE = object_of(
    {"role": {"const": "assistant"}, "content": {"type": ["string", "null"]}},
    reasoning_content=TEXT,
    tool_calls={"type": "array", "items": _CALL},
)
_HEAD: dict[str, Json] = {
    "id": TEXT,
    "created": {"type": "integer"},
    "model": TEXT,
    "system_fingerprint": TEXT,
}
_VOTE = object_of(
    {
        "answers": COUNT,
        "of": COUNT,
        "agreement": COUNT,
        "votes": {"type": "array", "items": object_of({"result": TEXT, "answers": COUNT})},
    }
)
_CHAT = object_of(
    _HEAD
    | {
        "object": {"const": "chat.completion"},
        "choices": {
            "type": "array",
            "items": object_of(
                {"index": COUNT, "message": _MESSAGE, "finish_reason": _REASON},
                finish_details=_DETAILS,
            ),
        },
        "usage": _USAGE,
    },
    vote=_VOTE,
)
_COMPLETION = object_of(
    _HEAD
    | {
        "object": {"const": "text_completion"},
        "choices": {
            "type": "array",
            "items": object_of(
                {
                    "index": COUNT,
                    "text": TEXT,
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
_CHAT_CHUNK = object_of(
    _HEAD
    | {
        "object": {"const": "chat.completion.chunk"},
        "choices": {
            "type": "array",
            "items": object_of(
                {
                    "index": COUNT,
                    "delta": object_of({}, content=TEXT, reasoning_content=TEXT),
                    "logprobs": _LOGPROBS,
                    "finish_reason": _OPEN,
                }
            ),
        },
    },
    usage=_USAGE,
    vote=_VOTE,
)
_COMPLETION_CHUNK = object_of(
    _HEAD
    | {
        "object": {"const": "text_completion"},
        "choices": {
            "type": "array",
            "items": object_of(
                {"index": COUNT, "text": TEXT, "logprobs": _LOGPROBS, "finish_reason": _OPEN}
            ),
        },
    },
    usage=_USAGE,
)
_THOUGHT = object_of({"id": TEXT, "reasoning_budget": {"type": "integer", "minimum": -1}})
_MODEL = object_of(
    {
        "id": TEXT,
        "object": {"const": "model"},
        "state": {"enum": ["asleep", "loading", "ready"]},
        "status": object_of({"value": {"enum": ["unloaded", "loading", "loaded"]}}),
    },
    progress={"type": "number", "minimum": 0, "maximum": 1},
    problem=TEXT,
    removed={"const": True},
    plan=object_of({"fits": {"type": "boolean"}, "verdict": TEXT}),
)
_MOVED = object_of({"success": {"const": True}, "model": TEXT})
_MODELS = object_of({"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}})
_PROPS = object_of(
    {
        "model_alias": TEXT,
        "chat_template": TEXT,
        "chat_template_takes": {"type": "object"},
        "total_slots": COUNT,
        "default_generation_settings": object_of({"n_ctx": COUNT}),
    }
)


@cache
def openapi() -> Json:
    """Return the description, in OpenAPI 3.2, the first version that supports streams."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template=REF, by_alias=True
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
            "description": "The APIs of OpenAI, Anthropic and Ollama, with thoughts.",
        },
        "paths": {
            "/v1/chat/completions": generation(
                "Answer a conversation", ChatRequest, _CHAT, _CHAT_CHUNK
            ),
            "/v1/chat/completions/input_tokens": post(
                "Count the tokens of a conversation's prompt",
                ChatRequest,
                object_of(
                    {"object": {"const": "chat.completion.input_tokens"}, "input_tokens": COUNT}
                ),
            ),
            f"{answers}/answer": of_id(
                post("End the thought at its next sentence, and answer", None, _THOUGHT), 404, 409
            ),
            f"{answers}/budget": of_id(
                post("Change the budget of a running thought", BudgetRequest, _THOUGHT), 404, 409
            ),
            "/v1/completions": generation(
                "Complete raw prompts, without a chat template",
                TextRequest,
                _COMPLETION,
                _COMPLETION_CHUNK,
            ),
            **responses_paths(),
            **messages_paths(),
            **ollama_paths(),
            **embedding_paths(),
            "/": get("Answer programs that look for a server", TEXT, "text/plain"),
            "/v1/models": get("List the models that are served, and their states", _MODELS),
            "/models/load": post("Begin to load a model", ModelRequest, _MOVED, 404),
            "/models/unload": post(
                "Put a model to sleep once no request uses it", ModelRequest, _MOVED, 404
            ),
            "/v1/models/{id}": of_id(get("Describe a model, or answer 404", _MODEL), 404),
            "/tokenize": post(
                "Turn text into tokens", TokenizeRequest, object_of({"tokens": {"type": "array"}})
            ),
            "/detokenize": post(
                "Turn tokens into text", DetokenizeRequest, object_of({"content": TEXT})
            ),
            "/props": get(
                "Describe the model, its template and its context, as llama-server does", _PROPS
            ),
            "/health": get(
                "Answer 200 when ready, and 503 with the progress while the model loads",
                object_of({"status": TEXT}),
            ),
            "/metrics": get("Metrics for Prometheus", TEXT, "text/plain"),
            "/openapi.json": get("This description, in OpenAPI 3.2", object_of({"openapi": TEXT})),
        },
        "components": {
            "schemas": schemas["$defs"]
            | {"Error": ERROR, "MessagesError": MESSAGES_ERROR, "OllamaError": OLLAMA_ERROR},
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
