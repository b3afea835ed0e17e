"""The client for every endpoint: the local child, and any OpenAI-compatible server."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from localqwq.client.answer import AnswerAssembler
from localqwq.client.chat_stream import ChatStream
from localqwq.client.dialects import OPENAI, Dialect, dialect_of
from localqwq.client.errors import EndpointError, EndpointLost, refusal, unreachable
from localqwq.client.learned import LearnedThoughts
from localqwq.client.limits import ContextLimits
from localqwq.client.options import ChatOptions
from localqwq.client.request_body import request_body
from localqwq.client.text_thoughts import TextThoughts, probably_opens
from localqwq.endpoint import Endpoint
from localqwq.hardware.awake import Awake
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message
from localqwq.settings.wakefulness import keeps_awake

_TIMEOUT = httpx2.Timeout(30.0, connect=10.0, read=None)
"""Seconds; reading has no limit, since processing a long prompt may take minutes."""

_LISTED = 8
"""Maximum number of models listed in an error."""
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


class Client:
    """Talks to one endpoint; an async context manager.

    Every method raises ``EndpointError`` if the endpoint cannot be reached, refuses, or answers in
    an unknown form.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        url = httpx2.URL(endpoint.url)
        socket = endpoint.uds
        transport = httpx2.AsyncHTTPTransport(uds=socket, verify=False) if socket else None
        self._http = httpx2.AsyncClient(
            base_url=url,
            transport=transport,
            headers={"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else None,
            timeout=_TIMEOUT,
            # Reading the certificates takes a while. SSL_CERT_FILE counts for this machine, too.
            verify=httpx2.create_ssl_context() if url.scheme == "https" else False,
            trust_env=url.host not in _LOCAL_HOSTS,  # no proxy on the way to this machine
        )
        self._where = endpoint.uds or str(url.copy_with(userinfo=b""))
        self._awake = Awake(keeps_awake)
        self._dialect: Dialect | None = None
        self._learned = LearnedThoughts(self._where)

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
        """Return the ids of the models served."""
        body = await self._get(f"{self.endpoint.api}/models")
        self._dialect = dialect_of(body)
        try:
            return [str(model["id"]) for model in body["data"]]
        except (KeyError, TypeError):
            raise EndpointError(f"{self._where} did not answer with a list of models.") from None

    async def limits(self, model: str | None = None) -> ContextLimits | None:
        """Return how long the context is and may get; None if the server does not say.

        ``model``: which of several.
        """
        query = f"?model={quote(model)}" if model else ""
        return ContextLimits.of(await self._get(f"/props{query}"))

    async def count(self, text: str, model: str | None = None) -> int:
        """Return the tokens of a text; for our own server and llama-server.

        ``model``: which of several.
        """
        asked = {"content": text, "parse_special": False} | ({"model": model} if model else {})
        body = await self._post("/tokenize", asked)
        try:
            return len(body["tokens"])
        except (KeyError, TypeError):
            raise EndpointError(f"{self._where} did not answer with tokens.") from None

    async def health(self) -> None:
        """Return if the server is ready to answer."""
        await self._get("/health")

    async def answer_now(self, completion: str) -> None:
        """Close a thought at its next sentence and start the answer.

        ``completion`` is the id passed to ``on_start`` of :meth:`chat`. Also raises
        ``EndpointError`` if the completion is no longer thinking or the server does not support it.
        """
        await self._steer(f"/v1/chat/completions/{quote(completion, safe='')}/answer", {})

    async def grant_budget(self, completion: str, tokens: int) -> None:
        """Set a thought's maximum tokens, counted from its beginning; -1 for no limit.

        Otherwise like :meth:`answer_now`, which it cancels.
        """
        path = f"/v1/chat/completions/{quote(completion, safe='')}/budget"
        await self._steer(path, {"reasoning_budget": tokens})

    async def chat(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        on_start: Callable[[str], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Yield the answer's events, a ``Finish`` last; closing the iterator aborts the request.

        ``on_start`` is called with the completion's id before its first event. Raises
        ``EndpointLost`` if the connection breaks before the answer is complete.
        """
        options = options or ChatOptions()
        dialect = await self._known_dialect()
        thoughts = None if dialect.is_ours else self._text_thoughts(options.model)
        if thoughts is not None and options.continue_final_message:
            # Only one without an answer is still in the thought.
            thoughts = TextThoughts(opened=not messages[-1]["content"], sure=True)
        assembler = AnswerAssembler(thoughts=thoughts)
        stream = ChatStream(self._where, assembler, self.endpoint.api_key)
        broken = started = False
        async with (
            self._kept_awake(),
            self._stream(dialect.body(request_body(messages, options))) as response,
        ):
            try:
                async for piece in response.aiter_bytes():
                    events = stream.feed(piece)
                    if on_start is not None and not started and assembler.id is not None:
                        started = True
                        on_start(assembler.id)
                    for event in events:
                        yield event
                    if stream.over:
                        break
            except httpx2.TransportError:
                broken = True
        for event in stream.end(broken=broken):
            yield event
        if thoughts is not None and thoughts.opened is not None:
            self._learned.learn(options.model, thoughts.opened)
        if stream.failure is not None:
            raise stream.failure

    @asynccontextmanager
    async def _kept_awake(self) -> AsyncIterator[None]:
        """Keep this machine awake while another one answers; a local engine does so itself."""
        if self.endpoint.uds:
            yield
            return
        with self._awake.during("An answer is awaited"):
            yield

    async def _known_dialect(self) -> Dialect:
        """Return what the endpoint supports, asking it once."""
        if self._dialect is None:
            try:
                await self.models()
            except EndpointError as error:
                if self._dialect is None:
                    if error.status is None or error.status in (401, 403) or error.status >= 500:
                        raise
                    self._dialect = OPENAI  # it has no list of models
        assert self._dialect is not None
        return self._dialect

    async def opens_thought(self, model: str | None) -> bool | None:
        """Return whether the model's answers begin inside the thought; None if unknown.

        In that case an answer may still turn out to be a thought.
        """
        if (await self._known_dialect()).is_ours:
            return False
        said = self.endpoint.opens_thought
        return self._learned.opens(model) if said is None else said

    def _text_thoughts(self, model: str | None) -> TextThoughts:
        """Return how to find thoughts in text: by the endpoint's settings, the model's last answer,
        or its name.
        """
        said = self.endpoint.opens_thought
        if said is not None:
            return TextThoughts(said, sure=True)
        learned = self._learned.opens(model)
        return TextThoughts(probably_opens(model) if learned is None else learned)

    @asynccontextmanager
    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        path = f"{self.endpoint.api}/chat/completions"
        request = self._http.build_request("POST", path, json=body)
        try:
            response = await self._send(request, stream=True)
        except EndpointError as error:
            if error.status != 404:
                raise
            raise await self._not_found(error, str(body["model"])) from None
        try:
            yield response
        finally:
            await response.aclose()

    async def _not_found(self, error: EndpointError, model: str) -> EndpointError:
        """Return what was not found: the model, or OpenAI's API."""
        try:
            known = await self.models()
        except EndpointError:
            return EndpointError(
                f"{self._where} has no {self.endpoint.api}/chat/completions: is it the address of "
                "an OpenAI-compatible server?",
                404,
            )
        if not known or model in known:
            return error
        more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
        listed = ", ".join(known[:_LISTED])
        return EndpointError(f"{self._where} has no model {model!r}; it has {listed}{more}.", 404)

    async def _steer(self, path: str, body: dict[str, Any]) -> None:
        try:
            await self._post(path, body)
        except EndpointError as error:
            theirs = self._dialect is not None and not self._dialect.is_ours
            if not theirs or error.status not in (404, 405):
                raise
            raise EndpointError(
                f"{self._where} cannot end or extend a thought; localqwq's own server can.",
                error.status,
            ) from None

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
        except httpx2.ConnectError as error:
            raise unreachable(self._where, error) from None
        except httpx2.ConnectTimeout:
            raise EndpointError(
                f"{self._where} did not answer within {_TIMEOUT.connect:g} seconds; is it running, "
                "and is the address right?"
            ) from None
        except httpx2.RemoteProtocolError:
            if self.endpoint.uds:  # it is our own server, so it has died
                raise self._lost() from None
            raise EndpointError(
                f"{self._where} closed the connection without an HTTP response: is the address "
                "right, and does it begin with https:// where it should?"
            ) from None
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise EndpointError(
                f"The request to {self._where} failed: {error or type(error).__name__}."
            ) from None
        raise refusal(self._where, response.status_code, body, self.endpoint.api_key)

    def _lost(self) -> EndpointLost:
        return EndpointLost(f"The connection to {self._where} broke before the end of the answer.")
