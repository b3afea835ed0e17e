"""``POST /v1/responses`` and ``POST /v1/responses/input_tokens``."""

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import Event
from localqwq.server.http.body import read_json
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.replies import json_response, typed_sse
from localqwq.server.http.responses.kept import Generate, KeptResponses
from localqwq.server.http.responses.schema import InputItem, ResponsesRequest
from localqwq.server.http.responses.translation import HARMLESS, to_chat
from localqwq.server.http.responses.writer import ResponseForm, ResponseWriter, whole_response
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.streams import Json, StreamForm, send_stream, with_pings
from localqwq.server.http.turns import Batches, Turns

_EVENTS = StreamForm(encode=typed_sse)
_ENDS = ("response.completed", "response.incomplete")
Keeper = Callable[[Json], Awaitable[None]]
_NAMES = {
    "max_tokens": "max_output_tokens",
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
}
"""Fields of chat completions under their names here."""


class Responses:
    """The endpoint, as an ASGI application of its own: a stream has no use for more layers."""

    def __init__(
        self, turns: Turns, name: str, ignored: IgnoredFields, kept: KeptResponses | None = None
    ) -> None:
        """Set up; ``name`` is the model's id, ``kept`` where responses are stored."""
        self._kept = kept
        self._turns = turns
        self._name = name
        self._ignored = ignored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await read_json(ResponsesRequest, scope, receive)
        with _naming_fields():
            whole, own = await self._whole(request)
            chat = to_chat(whole)
            keep = self._keeper(request, own)
            send = self._ignored.told(_unknown(request), send, request.hosted_tools)
            form = _form(request, self._name, is_kept=self._keeps(request))
            if request.background and self._kept is not None:
                generate = self._generator(chat, form)
                previous = request.previous_response_id
                body = await self._kept.start(form.head, own, previous, generate)
                await json_response(body)(scope, receive, send)
                return
            async with self._turns.running(chat, form.head["id"], receive) as batches:
                if chat.stream:
                    await _stream(batches, ResponseWriter(form), keep, send)
                    return
                events: list[Event] = []
                async for _, batch in batches:
                    events += batch
        body = whole_response(form, events)
        await keep(body)
        await json_response(body)(scope, receive, send)

    async def _whole(
        self, request: ResponsesRequest
    ) -> tuple[ResponsesRequest, Sequence[InputItem]]:
        """Return the request with its whole conversation, and the items of its own."""
        if self._kept is None:
            return request, request.input
        if request.background and (request.stream or request.store is False):
            other = "stream" if request.stream else "store: false"
            raise InvalidRequestError(
                f"The field 'background' is invalid with {other}: the response is stored, and read "
                "from /v1/responses/{id}.",
                "background",
            )
        return await self._kept.whole(request)

    def _keeps(self, request: ResponsesRequest) -> bool:
        return self._kept is not None and request.store is not False

    def _keeper(self, request: ResponsesRequest, items: Sequence[InputItem]) -> Keeper:
        """Return what stores a response, if it is to be stored."""

        async def keep(response: Json) -> None:
            if self._kept is not None and self._keeps(request):
                await self._kept.keep(response, items, request.previous_response_id)

        return keep

    def _generator(self, chat: ChatRequest, form: ResponseForm) -> Generate:
        """Return what generates a response that no client waits for."""

        async def generate(begun: Callable[[], None]) -> Json:
            writer, last = ResponseWriter(form), form.head
            async with self._turns.unattended(chat, form.head["id"]) as batches:
                begun()
                try:
                    async for _, batch in batches:
                        for event in writer.write(batch):
                            last = event.get("response", last)
                except (InvalidRequestError, LocalqwqError) as error:
                    last = writer.failed(error)["response"]
            return last

        return generate

    async def count(self, request: Request) -> Response:
        """``POST /v1/responses/input_tokens``: count a prompt's tokens, without an answer."""
        wanted = await read_json(ResponsesRequest, request.scope, request.receive)
        with _naming_fields():
            tokens = await self._turns.count(to_chat((await self._whole(wanted))[0]))
        return json_response({"object": "response.input_tokens", "input_tokens": tokens})


async def _stream(batches: Batches, writer: ResponseWriter, keep: Keeper, send: Send) -> None:
    async def events() -> AsyncIterator[list[Json]]:
        first = True
        try:
            async for _, batch in batches:
                written = writer.write(batch)
                if written and written[-1]["type"] in _ENDS:
                    await keep(written[-1]["response"])  # before a client can continue it
                yield written
                first = False
        except LocalqwqError as error:
            if first:  # a failure before anything was generated has its own status
                raise
            yield [writer.failed(error)]

    rest = events()
    first = await anext(rest)
    await send_stream(send, first, with_pings(rest, writer.ping), _EVENTS)


@contextmanager
def _naming_fields() -> Iterator[None]:
    """Make errors name the fields of this API."""
    try:
        yield
    except InvalidRequestError as error:
        if error.param is not None:
            error.param = _NAMES.get(error.param, error.param)
        raise


def _form(request: ResponsesRequest, model: str, *, is_kept: bool) -> ResponseForm:
    shown = request.model_dump(by_alias=True, exclude_none=True, mode="json")
    head: Json = {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "model": model,
        "background": request.background is True,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": request.metadata or {},
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": {"effort": None, "summary": None} | shown.get("reasoning", {}),
        "store": is_kept,
        "temperature": request.temperature,
        "text": {"format": {"type": "text"}} | shown.get("text", {}),
        "tool_choice": shown.get("tool_choice", "auto"),
        "tools": shown.get("tools", []),
        "top_p": request.top_p,
        "truncation": "disabled",
        "usage": None,
    }
    seals = "reasoning.encrypted_content" in (request.include or ())
    return ResponseForm(head, request.custom_tools, request.namespaces, seals)


def _unknown(request: ResponsesRequest) -> list[str]:
    return sorted((request.model_extra or {}).keys() - HARMLESS)
