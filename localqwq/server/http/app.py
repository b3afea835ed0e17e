"""The routes of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp

from localqwq.errors import LocalqwqError
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.counts import Counts
from localqwq.server.http.dispatch import Asked, ModelRoutes, Routes
from localqwq.server.http.embeddings.choice import EmbeddingModels
from localqwq.server.http.engine_routes import BOTH, Shared, engine_routes
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.guard import Guard, Owners
from localqwq.server.http.health import health_of
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.keys import Key
from localqwq.server.http.late import Late, late
from localqwq.server.http.metrics import Counted, Metrics
from localqwq.server.http.model_list import ModelList
from localqwq.server.http.replies import error_response, json_response
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.thoughts import RunningThoughts
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.pool import Pool

if TYPE_CHECKING:
    from localqwq.server.http.ollama.model_routes import OllamaModels
    from localqwq.server.http.responses.kept import KeptResponses
    from localqwq.server.http.responses.store import ResponseStore
    from localqwq.server.http.responses.stored_routes import StoredResponses


def prepare() -> None:
    """Build the checks of chat requests, so that the first one does not wait for it."""
    for kind in (Asked, ChatRequest):
        kind.model_rebuild()


def create_app(
    pool: Pool,
    counts: Counts,
    *,
    keys: Sequence[Key],
    loopback: bool,
    allow_origins: Sequence[str] = (),
    allow_hosts: Sequence[str] = (),
    responses: ResponseStore | None = None,
) -> ASGIApp:
    """Return the application that serves the models of a pool.

    ``keys``: one of them is needed, if there are any. ``loopback``: it listens only on this
    computer's own addresses. ``allow_origins``: origins of web pages that may use it.
    ``allow_hosts``: further host names. ``responses``: where they are stored.
    What only some clients ask for is imported with its first request.
    """
    thoughts = RunningThoughts()
    ignored = IgnoredFields(counts.tools_left_out)

    def routes_of(held: HeldModel, engine: RemoteEngine) -> Routes:
        assert held.launch is not None, "a model that is used has been launched"
        shared = Shared(thoughts, ignored, lambda: pool.holding(held), kept)
        return engine_routes(engine, held.launch, shared)

    models, listed = ModelRoutes(pool, routes_of), ModelList(pool)
    owners = Owners(has_keys=bool(keys))

    @cache
    def kept() -> KeptResponses | None:
        from localqwq.server.http.responses.kept import KeptResponses

        return None if responses is None else KeptResponses(responses)

    @cache
    def stored() -> StoredResponses:
        from localqwq.server.http.responses.stored_routes import StoredResponses

        return StoredResponses(kept())

    @cache
    def described() -> OllamaModels:
        from localqwq.server.http.ollama.model_routes import OllamaModels

        return OllamaModels(pool)

    def embeddings(path: str) -> ASGIApp:
        return models.post(path, EmbeddingModels(pool).find)

    def ollama(kind: Literal["chat", "generate"]) -> ASGIApp:
        from localqwq.server.http.ollama.routes import unloaded

        return models.post(f"/api/{kind}", unloaded=unloaded(kind))

    def pulling() -> ASGIApp:
        from localqwq.server.http.ollama.pulling import OllamaPull

        return OllamaPull(owners)

    def deleting() -> ASGIApp:
        from localqwq.server.http.ollama.store_routes import OllamaStore

        return request_response(OllamaStore(owners, pool.files).delete)

    def copying() -> ASGIApp:
        from localqwq.server.http.ollama.store_routes import OllamaStore

        return request_response(OllamaStore(owners, pool.files).copy)

    async def health(_: Request) -> Response:
        return health_of(pool)

    async def root(_: Request) -> Response:
        return Response("localqwq is running.\n", media_type="text/plain")

    async def description(_: Request) -> Response:
        from localqwq.server.http.openapi import openapi

        return json_response(openapi())

    routes = Starlette(
        routes=[
            *(route for path in BOTH for route in _both(path, models.post(path), "POST")),
            *_both("/chat/completions/{id}/answer", thoughts.answer, "POST"),
            *_both("/chat/completions/{id}/budget", thoughts.budget, "POST"),
            *_both("/responses/{id}", late(lambda: stored().get)),
            *_both("/responses/{id}", late(lambda: stored().delete), "DELETE"),
            *_both("/responses/{id}/cancel", late(lambda: stored().cancel), "POST"),
            *_both("/responses/{id}/input_items", late(lambda: stored().input_items)),
            *_both("/models", listed.all),
            *_both("/models/load", listed.load, "POST"),
            *_both("/models/unload", listed.unload, "POST"),
            *_both("/models/{id:path}", listed.one),
            *_both("/health", health),
            Route("/api/chat", Late(lambda: ollama("chat")), methods=["POST"]),
            Route("/api/generate", Late(lambda: ollama("generate")), methods=["POST"]),
            Route("/api/tags", late(lambda: described().tags), methods=["GET"]),
            Route("/api/ps", late(lambda: described().loaded), methods=["GET"]),
            Route("/api/show", late(lambda: described().show), methods=["POST"]),
            Route("/api/pull", Late(pulling), methods=["POST"]),
            Route("/api/delete", Late(deleting), methods=["DELETE"]),
            Route("/api/copy", Late(copying), methods=["POST"]),
            *_both("/embeddings", embeddings("/embeddings"), "POST"),
            Route("/api/embed", embeddings("/api/embed"), methods=["POST"]),
            Route("/api/embeddings", embeddings("/api/embeddings"), methods=["POST"]),
            Route("/api/version", late(lambda: described().version), methods=["GET"]),
            Route("/tokenize", models.post("/tokenize"), methods=["POST"]),
            Route("/detokenize", models.post("/detokenize"), methods=["POST"]),
            Route("/props", models.get("/props"), methods=["GET"]),
            Route("/metrics", Metrics(pool, counts).respond),
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
        keys=keys,
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
    return Counted(app, counts)


def _both(path: str, endpoint: Callable[..., Any], method: str = "GET") -> list[Route]:
    """Return the route under ``/v1``, and without it, as some clients are configured."""
    return [Route(f"{prefix}{path}", endpoint, methods=[method]) for prefix in ("/v1", "")]


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
