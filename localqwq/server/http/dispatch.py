"""Passing requests on to the model that they name, which may have to be loaded first."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localqwq.durations import kept_alive
from localqwq.errors import LocalqwqError
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.body import decoded, parse_body, read_body
from localqwq.server.http.early_stream import EarlyStream
from localqwq.server.http.error_forms import is_ollama_path
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import Part
from localqwq.server.http.replies import json_response
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.pool import Pool

Routes = Mapping[str, ASGIApp]
"""What answers with one engine, by path."""
RoutesOf = Callable[[HeldModel, RemoteEngine], Routes]
Find = Callable[[str | None], Awaitable[HeldModel]]
"""Returns the model that a name means; raises ``InvalidRequestError`` if there is none."""

FIRST_COMMENT, NEXT_COMMENT = 1.0, 5.0
"""Seconds before a stream says that its model is being loaded, and between saying so again."""


class Asked(Part):
    """The fields of a request that decide about its model."""

    model: Any = None
    stream: Any = None
    keep_alive: Any = None
    """Seconds, or text such as ``10m``; negative: for ever."""
    options: Any = None
    """Ollama's, with the context that the request needs."""
    messages: Any = None
    prompt: Any = None

    @property
    def name(self) -> str | None:
        """The model's name, if it is one."""
        return self.model if isinstance(self.model, str) else None

    @property
    def context(self) -> int:
        """Ollama's ``num_ctx``, in tokens; 0 if there is none, or it is no number."""
        found = self.options.get("num_ctx") if isinstance(self.options, dict) else None
        return found if isinstance(found, int) else 0

    @property
    def seconds(self) -> float | None:
        """``keep_alive`` in seconds; raises ``InvalidRequestError`` if it is no time."""
        try:
            return kept_alive(self.keep_alive)
        except ValueError as error:
            raise InvalidRequestError(f"keep_alive: {error}.", "keep_alive") from None

    @property
    def only_unloads(self) -> bool:
        """Whether nothing is asked, and the model need not stay in memory: Ollama's form of it."""
        return self.seconds == 0 and not self.messages and not self.prompt


@dataclass(frozen=True, slots=True)
class _Request:
    """A request whose model is known by name."""

    path: str
    """Of the endpoint."""
    asked: Asked
    scope: Scope
    receive: Receive
    """Receives what follows the body."""
    body: bytes | None = None

    def replayed(self) -> Receive:
        """Return what receives the body once more, and then what follows it."""
        if self.body is None:
            return self.receive
        first: list[Message] = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def replay() -> Message:
            return first.pop() if first else await self.receive()

        return replay


class ModelRoutes:
    """What answers for each model of a pool: made when its engine is first used."""

    def __init__(self, pool: Pool, routes_of: RoutesOf) -> None:
        self._pool = pool
        self._routes_of = routes_of
        self._known: dict[str, tuple[RemoteEngine, Routes]] = {}

    def post(
        self,
        path: str,
        find: Find | None = None,
        unloaded: Callable[[str], dict[str, Any]] | None = None,
    ) -> ASGIApp:
        """Return the application for POST requests to this path, whose body names the model.

        Args:
            path: the endpoint's.
            find: returns the model that a name means, where not any model will do.
            unloaded: returns the answer to a request that only unloads the model of this name, if
                there are such requests; it need not be loaded for that.
        """

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            body = await read_body(receive)
            asked = parse_body(Asked, decoded(scope, body))
            held = await (find or self._pool.find)(asked.name)
            if unloaded is not None and held.state == "asleep" and asked.only_unloads:
                await json_response(unloaded(held.name))(scope, receive, send)
                return
            await self._respond(held, _Request(path, asked, scope, receive, body), send)

        return _Application(respond)

    def get(self, path: str) -> ASGIApp:
        """Return the application for GET requests to this path, whose query names the model."""

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            asked = Asked(model=QueryParams(scope["query_string"]).get("model"))
            held = await self._pool.find(asked.name)
            await self._respond(held, _Request(path, asked, scope, receive), send)

        return _Application(respond)

    async def _respond(self, held: HeldModel, request: "_Request", send: Send) -> None:
        keep_alive = request.asked.seconds  # before anything is loaded
        await self._check_context(held, request)
        # Ollama's streams are lines of JSON, which have no comments.
        comments = request.asked.stream is True and not is_ollama_path(request.scope["path"])
        if held.is_ready or not comments:
            await _loaded(held, request.receive, None)
            await self._answer(held, keep_alive, request, send)
            return
        early = EarlyStream(send, request.scope["path"])
        try:
            await _loaded(held, request.receive, early)
            await self._answer(held, keep_alive, request, early)
        except (InvalidRequestError, LocalqwqError) as error:
            if not early.has_begun:
                raise
            await early.fail(error)

    async def _check_context(self, held: HeldModel, request: "_Request") -> None:
        """Refuse a context that the model does not support, rather than load it for that."""
        wanted = request.asked.context if is_ollama_path(request.scope["path"]) else 0
        if not wanted or held.is_ready:
            return
        facts = await self._pool.facts(held)
        if facts is not None and wanted > facts.longest_context:
            longest = facts.longest_context
            raise InvalidRequestError(
                f"The option 'num_ctx' is {wanted:,}, but {held.name} supports at most "
                f"{longest:,} tokens: leave the option out, or take a smaller one.",
                "options.num_ctx",
                tokens=(wanted, longest),
            )

    async def _answer(
        self, held: HeldModel, keep_alive: float | None, request: "_Request", send: Send
    ) -> None:
        try:
            await self._once(held, keep_alive, request, send)
            return
        except InvalidRequestError as error:
            if error.tokens is None:
                raise
            await self._grow(held, error, error.tokens[0])
        await self._once(held, keep_alive, request, send)

    async def _once(
        self, held: HeldModel, keep_alive: float | None, request: "_Request", send: Send
    ) -> None:
        async with self._pool.using(held, keep_alive) as engine:
            respond = self._routes(held, engine)[request.path]
            await respond(request.scope, request.replayed(), send)

    async def _grow(self, held: HeldModel, error: InvalidRequestError, needed: int) -> None:
        """Let a model's context grow to what a request needs, or say why it cannot."""
        try:
            has_grown = await self._pool.grow(held, needed)
        except LocalqwqError as refused:
            raise InvalidRequestError(
                f"{error} {refused}",
                error.param,
                error.code,
                error.status,
                error.tokens,
            ) from None
        if not has_grown:
            raise error

    def _routes(self, held: HeldModel, engine: RemoteEngine) -> Routes:
        known = self._known.get(held.name)
        if known is None or known[0] is not engine:
            known = (engine, self._routes_of(held, engine))
            self._known[held.name] = known
        return known[1]


class _Application:
    """A function as an application: Starlette takes bare functions for endpoints."""

    def __init__(self, respond: ASGIApp) -> None:
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond."""
        await self._respond(scope, receive, send)


async def _loaded(held: HeldModel, receive: Receive, early: EarlyStream | None) -> None:
    """Wait until a model is loaded, or its client goes away; tell a stream how far it is."""
    if held.is_ready:
        return
    loading = asyncio.ensure_future(held.ready())
    gone = asyncio.ensure_future(_disconnected(receive))
    wait = FIRST_COMMENT
    try:
        while True:
            timeout = wait if early is not None else None
            done, _ = await asyncio.wait(
                [loading, gone], timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if loading in done:
                loading.result()
                return
            if gone in done:
                raise ClientDisconnect
            if early is not None:
                await early.comment(f"loading {held.name}, {held.progress:.0%}")
            wait = NEXT_COMMENT
    finally:
        loading.cancel()
        gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
