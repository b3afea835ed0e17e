"""``POST /v1/chat/completions``: from the request's body to the last byte of the answer."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Message, Receive, Scope, Send

from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event
from localqwq.server.body import read_body
from localqwq.server.chunks import ChunkWriter, Identity, response
from localqwq.server.errors import InvalidRequestError
from localqwq.server.replies import (
    STREAM_END,
    error_body,
    error_response,
    json_response,
    sse,
)
from localqwq.server.schema import ChatRequest, parse_request
from localqwq.server.thoughts import RunningThoughts
from localqwq.server.worker import Channel, Worker

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the stream back
]


class ChatCompletions:
    """The endpoint, as an ASGI application of its own: a stream has no use for more layers."""

    def __init__(
        self, worker: Worker, name: str, sampling: Sampling, thoughts: RunningThoughts
    ) -> None:
        """``name`` is the model's id, ``sampling`` its defaults, ``thoughts`` lists what runs."""
        self._worker = worker
        self._thoughts = thoughts
        self._name = name
        self._sampling = sampling

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            request = parse_request(await read_body(receive))
        except InvalidRequestError as error:
            await error_response(error)(scope, receive, send)
            return
        identity = Identity(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), self._name)
        channel = self._worker.submit(request.generation(self._sampling))
        with self._thoughts.listed(identity.id, channel.control):
            await self._answer(channel, identity, request, scope, receive, send)

    async def _answer(
        self,
        channel: Channel,
        identity: Identity,
        request: ChatRequest,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        async with _generating(channel, receive) as batches:
            try:
                first: list[Event] = await anext(batches, [])
                if not request.stream:
                    events = first + [event async for batch in batches for event in batch]
                    await json_response(response(identity, events))(scope, receive, send)
                    return
            except (InvalidRequestError, LocalqwqError) as error:
                await error_response(error)(scope, receive, send)
                return
            await _stream(_writer(identity, request), first, batches, send)


async def _stream(
    writer: ChunkWriter, first: list[Event], batches: AsyncIterator[list[Event]], send: Send
) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send(_body(sse(writer.write(first))))
    try:
        async for batch in batches:
            if chunks := writer.write(batch):
                await send(_body(sse(chunks)))
    except LocalqwqError as error:
        await send(_body(sse([error_body(error)])))
    await send(_body(STREAM_END, more=False))


def _writer(identity: Identity, request: ChatRequest) -> ChunkWriter:
    options = request.stream_options
    return ChunkWriter(
        identity,
        usage=options is not None and options.include_usage is True,
        progress=request.return_progress is True,
    )


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


@asynccontextmanager
async def _generating(
    channel: Channel, receive: Receive
) -> AsyncIterator[AsyncIterator[list[Event]]]:
    """The channel's batches; the generation ends when the client goes away."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        channel.stop.set()

    watcher = asyncio.create_task(watch())
    try:
        yield channel.batches()
    finally:
        channel.stop.set()
        watcher.cancel()
