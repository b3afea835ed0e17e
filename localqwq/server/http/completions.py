"""``POST /v1/chat/completions``: from the request's body to the last byte of the answer."""

import time
import uuid
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localqwq.reasoning.events import Event
from localqwq.server.http.body import read_json
from localqwq.server.http.chunks import ChunkWriter, Identity, response
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.other_fields import unknown_fields
from localqwq.server.http.replies import json_response
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.streams import Json, send_stream
from localqwq.server.http.turns import Batches, Turns
from localqwq.server.http.voting import voted, voted_chunks


class ChatCompletions:
    """The endpoint, as an ASGI application of its own: a stream has no use for more layers."""

    def __init__(self, turns: Turns, name: str, ignored: IgnoredFields) -> None:
        """Set up; ``name`` is the model's id."""
        self._turns = turns
        self._ignored = ignored
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await read_json(ChatRequest, scope, receive)
        continues = request.continue_final_message is True
        unknown = unknown_fields(request.model_extra or {}, continues=continues)
        send = self._ignored.told(unknown, send)
        identity = Identity(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), self._name)
        samples = request.n or 1
        async with self._turns.running(request, identity.id, receive) as batches:
            if request.vote and request.stream:
                await _send_chunks(
                    voted_chunks(identity, batches, samples, usage=_wants_usage(request)), send
                )
                return
            if request.vote:
                body = await voted(identity, batches, samples)
                await json_response(body)(scope, receive, send)
                return
            if request.stream:
                await _stream(batches, _writer(identity, request), send)
                return
            events: list[list[Event]] = [[] for _ in range(samples)]
            async for index, batch in batches:
                events[index] += batch
        await json_response(response(identity, *events))(scope, receive, send)

    async def count(self, request: Request) -> Response:
        """Count a prompt's tokens, without an answer; what cannot be answered is refused."""
        asked = await read_json(ChatRequest, request.scope, request.receive)
        tokens = await self._turns.count(asked)
        return json_response({"object": "chat.completion.input_tokens", "input_tokens": tokens})


async def _stream(batches: Batches, writer: ChunkWriter, send: Send) -> None:
    async def chunks() -> AsyncIterator[list[Json]]:
        async for index, batch in batches:
            yield writer.write(batch, index)

    await _send_chunks(chunks(), send)


async def _send_chunks(rest: AsyncIterator[list[Json]], send: Send) -> None:
    # A failure before anything was generated has its own status.
    await send_stream(send, await anext(rest), rest)


def _writer(identity: Identity, request: ChatRequest) -> ChunkWriter:
    return ChunkWriter(
        identity,
        usage=_wants_usage(request),
        progress=request.return_progress is True,
        choices=request.n or 1,
    )


def _wants_usage(request: ChatRequest) -> bool:
    options = request.stream_options
    return options is not None and options.include_usage is True
