"""The routes of the server."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.completions import ChatCompletions
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.guard import Guard, Owners
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.messages_api.routes import Messages
from localqwq.server.http.metrics import Counted, Metrics
from localqwq.server.http.ollama.model_routes import OllamaModels
from localqwq.server.http.ollama.pulling import OllamaPull
from localqwq.server.http.ollama.routes import OllamaAnswers
from localqwq.server.http.ollama.schema import OllamaChat, OllamaGenerate
from localqwq.server.http.ollama.store_routes import OllamaStore
from localqwq.server.http.openapi import openapi
from localqwq.server.http.props import props
from localqwq.server.http.replies import error_response, json_response
from localqwq.server.http.responses.kept import KeptResponses
from localqwq.server.http.responses.routes import Responses
from localqwq.server.http.responses.stored_routes import StoredResponses
from localqwq.server.http.text_completions import TextCompletions
from localqwq.server.http.thoughts import RunningThoughts
from localqwq.server.http.tokens import TokenRoutes
from localqwq.server.http.turns import Turns


def create_app(
    engine: RemoteEngine,
    *,
    name: str,
    sampling: Sampling,
    defaults: RequestDefaults,
    api_key: str | None,
    loopback: bool,
    allow_origins: Sequence[str] = (),
    allow_hosts: Sequence[str] = (),
    kept: KeptResponses | None = None,
) -> ASGIApp:
    """Return the application that serves one model.

    ``name`` is the model's id. ``sampling`` and the other ``defaults`` are used if requests do not
    say otherwise. ``loopback``: it listens only on this computer's own addresses.
    ``allow_origins``: origins of web pages that may use it. ``allow_hosts``: further host names.
    ``kept``: where responses are stored.
    """

    def is_served(wanted: str) -> bool:
        return is_name(wanted, engine.served.facts.path, name)

    def ollama(body: type[OllamaChat | OllamaGenerate]) -> OllamaAnswers:
        return OllamaAnswers(body, turns, engine, name, sampling, ignored)

    thoughts = RunningThoughts()
    ignored = IgnoredFields(engine.counts.tools_left_out)
    turns = Turns(engine, sampling, defaults, thoughts)
    chat = ChatCompletions(turns, name, ignored)
    messages = Messages(turns, name, ignored)
    responses = Responses(turns, name, ignored, kept)
    stored = StoredResponses(kept)
    text = TextCompletions(engine, name, sampling, ignored)
    tokens = TokenRoutes(engine)
    described = OllamaModels(engine, name, sampling, is_served)
    owners = Owners(api_key)
    installed = OllamaStore(owners, lambda: engine.served.facts.path)
    created = int(time.time())

    served = {"id": name, "object": "model", "created": created, "owned_by": "localqwq"}

    async def models(_: Request) -> Response:
        return json_response({"object": "list", "data": [served]})

    async def model(request: Request) -> Response:
        if not is_served(wanted := request.path_params["id"]):
            message = f"There is no model {wanted!r} here; {name} is served."
            raise InvalidRequestError(message, code="model_not_found", status=404)
        return json_response(served)

    async def health(_: Request) -> Response:
        if engine.failure is not None:
            raise engine.failure.with_traceback(None)
        return json_response({"status": "ok"})

    async def properties(_: Request) -> Response:
        return json_response(props(engine.served, await engine.state(), name, sampling))

    async def root(_: Request) -> Response:
        return Response("localqwq is running.\n", media_type="text/plain")

    async def description(_: Request) -> Response:
        return json_response(openapi())

    routes = Starlette(
        routes=[
            *_both("/chat/completions", chat, "POST"),
            *_both("/chat/completions/{id}/answer", thoughts.answer, "POST"),
            *_both("/chat/completions/{id}/budget", thoughts.budget, "POST"),
            *_both("/completions", text, "POST"),
            *_both("/responses", responses, "POST"),
            *_both("/responses/input_tokens", responses.count, "POST"),
            *_both("/responses/{id}", stored.get),
            *_both("/responses/{id}", stored.delete, "DELETE"),
            *_both("/responses/{id}/cancel", stored.cancel, "POST"),
            *_both("/responses/{id}/input_items", stored.input_items),
            *_both("/messages", messages, "POST"),
            *_both("/messages/count_tokens", messages.count, "POST"),
            *_both("/models", models),
            *_both("/models/{id:path}", model),
            *_both("/health", health),
            Route("/api/chat", ollama(OllamaChat), methods=["POST"]),
            Route("/api/generate", ollama(OllamaGenerate), methods=["POST"]),
            Route("/api/tags", described.tags),
            Route("/api/ps", described.loaded),
            Route("/api/show", described.show, methods=["POST"]),
            Route("/api/pull", OllamaPull(owners), methods=["POST"]),
            Route("/api/delete", installed.delete, methods=["DELETE"]),
            Route("/api/copy", installed.copy, methods=["POST"]),
            Route("/api/version", described.version),
            Route("/tokenize", tokens.tokenize, methods=["POST"]),
            Route("/detokenize", tokens.detokenize, methods=["POST"]),
            Route("/props", properties),
            Route("/metrics", Metrics(engine).respond),
            Route("/openapi.json", description),
            Route("/", root),
        ],
        exception_handlers={
            HTTPException: _http_error,
            InvalidRequestError: _error,
            LocalqwqError: _error,
            ClientDisconnect: _gone,
            Exception: _internal_error,
        },
    )
    routes.router.redirect_slashes = False  # an unknown path is an error like any other
    app: ASGIApp = Guard(
        routes,
        api_key=api_key,
        loopback=loopback,
        allow_origins=allow_origins,
        allow_hosts=allow_hosts,
    )
    if allow_origins:
        # Outermost: browsers ask for permission without the key, and pages read errors, too.
        app = CORSMiddleware(
            app,
            allow_origins=allow_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
        )
    return Counted(app, engine.counts)


def _both(path: str, endpoint: Callable[..., Any], method: str = "GET") -> list[Route]:
    """Return the route under ``/v1``, and without it, as some clients are configured."""
    return [Route(f"{prefix}{path}", endpoint, methods=[method]) for prefix in ("/v1", "")]


def is_name(wanted: str, path: Path, name: str) -> bool:
    """Return whether a name means the model served from ``path`` as ``name``.

    The quantization may be omitted, and case does not matter; the file's name works, too.
    """
    names = (name, name.rpartition(":")[0], path.name, path.stem)
    return wanted.casefold() in {one.casefold() for one in names if one}


async def _error(request: Request, error: Exception) -> Response:
    return error_response(error, request.url.path)


async def _internal_error(request: Request, error: Exception) -> Response:
    # The traceback goes to the log: Starlette raises the error again after the response.
    failure = LocalqwqError(f"The server failed ({type(error).__name__}).")
    return error_response(failure, request.url.path)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody sees it


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentences = {
        404: f"There is no {request.url.path} here.",
        405: f"{request.url.path} does not accept {request.method}.",
    }
    message = sentences.get(error.status_code, error.detail)
    refusal = InvalidRequestError(message, status=error.status_code)
    response = error_response(refusal, request.url.path)
    response.headers.update(error.headers or {})
    return response
