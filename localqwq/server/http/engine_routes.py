"""What answers with one engine: the endpoints of all APIs that need a model."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp

from localqwq.models.launch import Launch
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.completions import ChatCompletions
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.embeddings.routes import EmbeddingRoutes
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.messages_api.routes import Messages
from localqwq.server.http.ollama.routes import OllamaAnswers
from localqwq.server.http.ollama.schema import OllamaChat, OllamaGenerate
from localqwq.server.http.props import props
from localqwq.server.http.replies import json_response
from localqwq.server.http.responses.kept import KeptResponses
from localqwq.server.http.responses.routes import Responses
from localqwq.server.http.text_completions import TextCompletions
from localqwq.server.http.thoughts import RunningThoughts
from localqwq.server.http.tokens import TokenRoutes
from localqwq.server.http.turns import Hold, Turns

BOTH = (
    "/chat/completions",
    "/chat/completions/input_tokens",
    "/completions",
    "/responses",
    "/responses/input_tokens",
    "/messages",
    "/messages/count_tokens",
)
"""Paths under ``/v1`` that clients may leave out, too."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the endpoints of a model need besides its engine."""

    thoughts: RunningThoughts
    """Registers running turns."""
    ignored: IgnoredFields
    """Registers what of requests was left out."""
    hold: Hold
    """Keeps the model in memory while a turn runs."""
    kept: KeptResponses | None = None
    """Where responses are stored."""


def engine_routes(engine: RemoteEngine, launch: Launch, shared: Shared) -> Mapping[str, ASGIApp]:
    """Return the endpoints by path.

    The default request values of ``launch`` and those of the model are used if requests do not say
    otherwise.
    """
    name, defaults = launch.name, RequestDefaults.parse(launch.defaults)
    sampling = defaults.sampling(engine.served.facts.sampling)
    ignored = shared.ignored
    turns = Turns(engine, sampling, defaults, shared.thoughts, shared.hold)
    chat = ChatCompletions(turns, name, ignored)
    messages = Messages(turns, name, ignored)
    responses = Responses(turns, name, ignored, shared.kept)
    tokens = TokenRoutes(engine)

    async def properties(_: Request) -> Response:
        return json_response(props(engine, await engine.state(), name, sampling, launch.load))

    return {
        "/chat/completions": chat,
        "/chat/completions/input_tokens": request_response(chat.count),
        "/completions": TextCompletions(engine, name, sampling, ignored),
        "/responses": responses,
        "/responses/input_tokens": request_response(responses.count),
        "/messages": messages,
        "/messages/count_tokens": request_response(messages.count),
        "/api/chat": OllamaAnswers(OllamaChat, turns, engine, name, sampling, ignored),
        "/api/generate": OllamaAnswers(OllamaGenerate, turns, engine, name, sampling, ignored),
        "/tokenize": request_response(tokens.tokenize),
        "/detokenize": request_response(tokens.detokenize),
        "/props": request_response(properties),
        **EmbeddingRoutes(engine, name, ignored).by_path(),
    }
