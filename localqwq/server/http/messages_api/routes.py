"""``POST /v1/messages`` and ``POST /v1/messages/count_tokens``."""

import uuid
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localqwq.reasoning.events import Event
from localqwq.server.http.body import read_json
from localqwq.server.http.error_forms import messages_error
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.messages_api.schema import MessagesRequest
from localqwq.server.http.messages_api.translation import HARMLESS, to_chat
from localqwq.server.http.messages_api.writer import (
    MessageForm,
    MessageWriter,
    ping,
    whole_message,
)
from localqwq.server.http.replies import json_response, typed_sse
from localqwq.server.http.streams import Json, StreamForm, send_stream, with_pings
from localqwq.server.http.turns import Batches, Turns

_EVENTS = StreamForm(encode=typed_sse, failed=messages_error)


class Messages:
    """The endpoint, as an ASGI application of its own: a stream has no use for more layers."""

    def __init__(self, turns: Turns, name: str, ignored: IgnoredFields) -> None:
        """Set up; ``name`` is the model's id."""
        self._turns = turns
        self._name = name
        self._ignored = ignored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await read_json(MessagesRequest, scope, receive)
        chat = to_chat(request)
        send = self._ignored.told(_unknown(request), send, request.hosted_tools)
        form = MessageForm(
            id=f"msg_{uuid.uuid4().hex}",
            model=self._name,
            limit=chat.limit,
            hides_thoughts=request.hides_thoughts,
        )
        async with self._turns.running(chat, form.id, receive) as batches:
            if chat.stream:
                await _stream(batches, MessageWriter(form), send)
                return
            events: list[Event] = []
            async for _, batch in batches:
                events += batch
        await json_response(whole_message(form, events))(scope, receive, send)

    async def count(self, request: Request) -> Response:
        """``POST /v1/messages/count_tokens``: count a prompt's tokens, without an answer."""
        wanted = await read_json(MessagesRequest, request.scope, request.receive)
        return json_response({"input_tokens": await self._turns.count(to_chat(wanted))})


async def _stream(batches: Batches, writer: MessageWriter, send: Send) -> None:
    async def events() -> AsyncIterator[list[Json]]:
        async for _, batch in batches:
            yield writer.write(batch)

    rest = events()
    # A failure before anything was generated has its own status.
    first = await anext(rest)
    await send_stream(send, first, with_pings(rest, ping), _EVENTS)


def _unknown(request: MessagesRequest) -> list[str]:
    return sorted((request.model_extra or {}).keys() - HARMLESS)
