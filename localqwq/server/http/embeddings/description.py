"""Embeddings in the OpenAPI description."""

from localqwq.server.http.embeddings.schema import (
    EmbeddingsRequest,
    OllamaEmbed,
    OllamaEmbeddings,
)
from localqwq.server.http.openapi_parts import COUNT, TEXT, Json, object_of, post, with_errors

_VECTOR: Json = {"type": "array", "items": {"type": "number"}}
_DATA = object_of(
    {
        "object": {"const": "embedding"},
        "index": COUNT,
        "embedding": {"anyOf": [_VECTOR, TEXT]},
    }
)
_EMBEDDINGS = object_of(
    {
        "object": {"const": "list"},
        "data": {"type": "array", "items": _DATA},
        "model": TEXT,
        "usage": object_of({"prompt_tokens": COUNT, "total_tokens": COUNT}),
    }
)
_OLLAMA = object_of(
    {
        "model": TEXT,
        "embeddings": {"type": "array", "items": _VECTOR},
        "total_duration": COUNT,
        "load_duration": COUNT,
        "prompt_eval_count": COUNT,
    }
)


def embedding_paths() -> Json:
    """Return the paths of embeddings, OpenAI's and Ollama's."""
    older = object_of({"embedding": _VECTOR})
    ollama = {
        "/api/embed": post("Embed texts, in Ollama's form", OllamaEmbed, _OLLAMA, 404, 429),
        "/api/embeddings": post(
            "Embed a text, in Ollama's older form", OllamaEmbeddings, older, 404, 429
        ),
    }
    return {
        "/v1/embeddings": post(
            "Embed texts with a model that is made for it", EmbeddingsRequest, _EMBEDDINGS, 404, 429
        ),
        **{path: with_errors(operation, "OllamaError") for path, operation in ollama.items()},
    }
