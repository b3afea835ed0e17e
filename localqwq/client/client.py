"""One client for every endpoint: the local child, and any OpenAI-compatible server."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from localqwq.client.answer import AnswerAssembler
from localqwq.client.errors import EndpointError, EndpointLost, refusal
from localqwq.client.sse import SSEParser
from localqwq.endpoint import Endpoint
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message, Tool

_TIMEOUT = httpx2.Timeout(30.0, connect=10.0, read=None)
"""Seconds; reading has no limit, since a long prompt may be read for minutes."""

_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What a request asks for; ``None`` leaves the choice to the server."""

    model: str | None = None
    tools: Sequence[Tool] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    stop: Sequence[str] = ()
    reasoning_budget: int | None = None
    """Tokens that the thought may have; -1: no limit."""
    reasoning_effort: str | None = None
    loop_detection: bool | None = None


_PLAIN = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "reasoning_budget",
    "reasoning_effort",
    "loop_detection",
)
"""Options that are sent as they are."""


class Client:
    """Talks to one endpoint; an async context manager.

    Every method raises ``EndpointError`` when the endpoint cannot be reached, refuses or answers
    in no known form.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        url = httpx2.URL(endpoint.url)
        transport = httpx2.AsyncHTTPTransport(uds=endpoint.uds) if endpoint.uds else None
        self._http = httpx2.AsyncClient(
            base_url=url,
            transport=transport,
            headers={"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else None,
            timeout=_TIMEOUT,
            verify=url.scheme == "https",  # reading the certificates takes a while
            trust_env=url.host not in _LOCAL_HOSTS,  # no proxy on the way to this machine
        )
        self._where = endpoint.uds or endpoint.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def models(self) -> list[str]:
        """The ids of the models that are served."""
        body = await self._get("/v1/models")
        try:
            return [str(model["id"]) for model in body["data"]]
        except (KeyError, TypeError):
            raise EndpointError(f"{self._where} did not answer with a list of models.") from None

    async def health(self) -> None:
        """Return if the server is ready to answer."""
        await self._get("/health")

    async def answer_now(self, completion: str) -> None:
        """Have a thought closed at its next sentence and the answer given.

        ``completion`` is the id that :meth:`chat` tells. Raises ``EndpointError`` as well where the
        completion does not think any more or the server knows no such request.
        """
        await self._post(f"/v1/chat/completions/{quote(completion, safe='')}/answer", {})

    async def grant_budget(self, completion: str, tokens: int) -> None:
        """Let a thought have so many tokens in all, counted from its beginning; -1: no limit.

        Otherwise like :meth:`answer_now`, which it takes back.
        """
        path = f"/v1/chat/completions/{quote(completion, safe='')}/budget"
        await self._post(path, {"reasoning_budget": tokens})

    async def chat(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        on_start: Callable[[str], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """The answer's events, a ``Finish`` last; closing the iterator aborts the request.

        ``on_start`` is told the completion's id before its first event. Raises ``EndpointLost``
        when the connection breaks before the answer is complete.
        """
        assembler = AnswerAssembler()
        parser = SSEParser()
        async with self._stream(_request(messages, options or ChatOptions())) as response:
            try:
                async for piece in response.aiter_bytes():
                    for data in parser.feed(piece):
                        if data == b"[DONE]":
                            for event in assembler.finish():
                                yield event
                            return
                        known = assembler.id
                        events = self._events(assembler, data)
                        if on_start is not None and known is None and assembler.id is not None:
                            on_start(assembler.id)
                        for event in events:
                            yield event
            except httpx2.TransportError:
                if not assembler.complete:
                    raise self._lost() from None
        if not assembler.complete:
            raise self._lost()
        for event in assembler.finish():
            yield event

    @asynccontextmanager
    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        request = self._http.build_request("POST", "/v1/chat/completions", json=body)
        response = await self._send(request, stream=True)
        try:
            if "text/event-stream" not in response.headers.get("content-type", ""):
                raise EndpointError(f"{self._where} did not answer with a stream of events.")
            yield response
        finally:
            await response.aclose()

    async def _get(self, path: str) -> Any:
        return await self._json(path, self._http.build_request("GET", path))

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._json(path, self._http.build_request("POST", path, json=body))

    async def _json(self, path: str, request: httpx2.Request) -> Any:
        response = await self._send(request, stream=False)
        try:
            return response.json()
        except ValueError:
            raise EndpointError(f"{self._where}{path} did not answer with JSON.") from None

    async def _send(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        try:
            response = await self._http.send(request, stream=stream)
            if response.is_success:
                return response
            body = await response.aread()
            await response.aclose()
        except httpx2.ConnectError:
            raise EndpointError(
                f"No server answers at {self._where}; is it running, and is the address right?"
            ) from None
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise EndpointError(
                f"The request to {self._where} failed: {error or type(error).__name__}."
            ) from None
        raise refusal(self._where, response.status_code, body)

    def _events(self, assembler: AnswerAssembler, data: bytes) -> list[Event]:
        try:
            return list(assembler.feed(json.loads(data)))
        except (ValueError, TypeError, AttributeError, LookupError):
            raise EndpointError(
                f"{self._where} sent a line that is no chunk of an answer: {data[:80]!r}."
            ) from None

    def _lost(self) -> EndpointLost:
        return EndpointLost(f"The connection to {self._where} broke in the middle of the answer.")


def _request(messages: Sequence[Message], options: ChatOptions) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": options.model or "default",
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    if options.tools:
        body["tools"] = list(options.tools)
    if options.stop:
        body["stop"] = list(options.stop)
    for name in _PLAIN:
        if (value := getattr(options, name)) is not None:
            body[name] = value
    return body
