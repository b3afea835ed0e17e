"""What answers with one engine: the endpoints of all APIs that need a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp

from localqwq.models.launch import Launch
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.completions import ChatCompletions
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.late import Late, late
from localqwq.server.http.props import props
from localqwq.server.http.replies import json_response
from localqwq.server.http.thoughts import RunningThoughts
from localqwq.server.http.turns import Hold, Turns

if TYPE_CHECKING:
    from localqwq.server.http.messages_api.routes import Messages
    from localqwq.server.http.responses.kept import KeptResponses
    from localqwq.server.http.responses.routes import Responses
    from localqwq.server.http.tokens import TokenRoutes

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
    kept: Callable[[], KeptResponses | None]
    """Returns where responses are stored."""


def engine_routes(engine: RemoteEngine, launch: Launch, shared: Shared) -> Mapping[str, ASGIApp]:
    """Return the endpoints by path.

    The default request values of ``launch`` and those of the model are used if requests do not say
    otherwise. All but chat completions are imported with their first request.
    """
    name, defaults = launch.name, RequestDefaults.parse(launch.defaults)
    sampling = defaults.sampling(engine.served.facts.sampling)
    ignored = shared.ignored
    turns = Turns(engine, sampling, defaults, shared.thoughts, shared.hold)
    chat = ChatCompletions(turns, name, ignored)

    @cache
    def messages() -> Messages:
        from localqwq.server.http.messages_api.routes import Messages

        return Messages(turns, name, ignored)

    @cache
    def responses() -> Responses:
        from localqwq.server.http.responses.routes import Responses

        return Responses(turns, name, ignored, shared.kept())

    @cache
    def tokens() -> TokenRoutes:
        from localqwq.server.http.tokens import TokenRoutes

        return TokenRoutes(engine)

    @cache
    def embeddings() -> Mapping[str, ASGIApp]:
        from localqwq.server.http.embeddings.routes import EmbeddingRoutes

        return EmbeddingRoutes(engine, name, ignored).by_path()

    def completions() -> ASGIApp:
        from localqwq.server.http.text_completions import TextCompletions

        return TextCompletions(engine, name, sampling, ignored)

    def ollama_chat() -> ASGIApp:
        from localqwq.server.http.ollama.routes import OllamaAnswers
        from localqwq.server.http.ollama.schema import OllamaChat

        return OllamaAnswers(OllamaChat, turns, engine, name, sampling, ignored)

    def ollama_generate() -> ASGIApp:
        from localqwq.server.http.ollama.routes import OllamaAnswers
        from localqwq.server.http.ollama.schema import OllamaGenerate

        return OllamaAnswers(OllamaGenerate, turns, engine, name, sampling, ignored)

    async def properties(_: Request) -> Response:
        return json_response(props(engine, await engine.state(), name, sampling, launch.load))

    return {
        "/chat/completions": chat,
        "/chat/completions/input_tokens": request_response(chat.count),
        "/completions": Late(completions),
        "/responses": Late(responses),
        "/responses/input_tokens": late(lambda: responses().count),
        "/messages": Late(messages),
        "/messages/count_tokens": late(lambda: messages().count),
        "/api/chat": Late(ollama_chat),
        "/api/generate": Late(ollama_generate),
        "/tokenize": late(lambda: tokens().tokenize),
        "/detokenize": late(lambda: tokens().detokenize),
        "/props": request_response(properties),
        "/embeddings": Late(lambda: embeddings()["/embeddings"]),
        "/api/embed": Late(lambda: embeddings()["/api/embed"]),
        "/api/embeddings": Late(lambda: embeddings()["/api/embeddings"]),
    }
