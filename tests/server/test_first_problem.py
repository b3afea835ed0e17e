"""Sentences about wrong fields name all that is allowed."""

import json
from typing import Any

import pytest

from localqwq.server.http.embeddings.schema import EmbeddingsRequest
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import Part, parse_body
from localqwq.server.http.messages_api.schema import MessagesRequest
from localqwq.server.http.ollama.schema import OllamaChat, OllamaGenerate
from localqwq.server.http.responses.schema import ResponsesRequest
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.text_schema import TextRequest

_THINK = "boolean or 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or 'max'."


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        (ResponsesRequest, {"input": 5}, "'input' is invalid: must be a text or a list of items."),
        (
            ResponsesRequest,
            {"input": [{"role": "user", "content": 5}]},
            "'input.0.content' is invalid: must be a text or a list of parts.",
        ),
        (ChatRequest, {"messages": [{"role": "user", "content": 5}]}, "string or a list of text"),
        (ChatRequest, {"messages": [], "stop": 5}, "at least 1 entry."),
        (EmbeddingsRequest, {"input": 5}, "must be a text, a list of texts, a list of token ids"),
        (OllamaChat, {"think": "loud"}, f"'think' is invalid: should be a valid {_THINK}"),
        (OllamaChat, {"keep_alive": []}, "should be a valid number or a valid string."),
        (OllamaChat, {"options": {"stop": 5}}, "'options.stop' is invalid: must be a text or a"),
        (OllamaGenerate, {"suffix": "y"}, "is invalid: it is not supported here; leave it out."),
        (OllamaGenerate, {"context": [1]}, "is invalid: it is not supported here; leave it out."),
        (TextRequest, {"prompt": "a", "suffix": "y"}, "it is not supported here; leave it out."),
        (
            MessagesRequest,
            {"max_tokens": 5, "messages": [{"role": "user", "content": 5}]},
            "'messages.0.content' is invalid: must be a text or a list of blocks.",
        ),
    ],
)
def test_all_that_is_allowed_is_named(kind: type[Part], fields: dict[str, Any], says: str) -> None:
    """Not only the first of several types."""
    with pytest.raises(InvalidRequestError) as refused:
        parse_body(kind, json.dumps(fields).encode())
    assert says in str(refused.value)
