"""Sending a generation's events to its client, which may go away at any time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import Message, Receive, Send

from localqwq.errors import LocalqwqError
from localqwq.server.engine.remote import Channel
from localqwq.server.http.error_forms import error_body
from localqwq.server.http.replies import STREAM_END, sse

Json = dict[str, Any]
EVENT_STREAM = b"text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class StreamForm:
    """How an API writes a stream."""

    encode: Callable[[Iterable[Json]], bytes] = sse
    failed: Callable[[Exception], Json] = error_body
    """The last event of a stream that failed."""
    end: bytes = b""
    media_type: bytes = EVENT_STREAM


def stream_headers(media_type: bytes = EVENT_STREAM) -> list[tuple[bytes, bytes]]:
    """Return the headers of a stream."""
    return [
        (b"content-type", media_type),
        (b"cache-control", b"no-cache"),
        (b"x-accel-buffering", b"no"),  # nginx would hold the stream back
    ]


PING_SECONDS = 15.0
"""Seconds without an event after which a stream shows that it is alive."""
CHUNKS = StreamForm(end=STREAM_END)
"""OpenAI's chunks."""


@asynccontextmanager
async def stopped_with_client(channel: Channel, receive: Receive) -> AsyncIterator[None]:
    """End the channel's generations when the client goes away, or at the context's end."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        channel.end()

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        channel.end()
        watcher.cancel()


async def send_stream(
    send: Send,
    first: Iterable[Json],
    rest: AsyncIterator[list[Json]],
    form: StreamForm = CHUNKS,
) -> None:
    """Send events as they come; an error on the way is the last of them."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": stream_headers(form.media_type)}
    )
    await send(_body(form.encode(first)))
    try:
        async for events in rest:
            if events:
                await send(_body(form.encode(events)))
    except LocalqwqError as error:
        await send(_body(form.encode([form.failed(error)])))
    await send(_body(form.end, more=False))


async def with_pings(
    events: AsyncIterator[list[Json]], ping: Callable[[], Json], seconds: float = PING_SECONDS
) -> AsyncIterator[list[Json]]:
    """Yield the events, and a ping whenever there was none for so many seconds.

    Clients give up a connection on which nothing arrives, as while a long prompt is read.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    waiting = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait([waiting], timeout=max(0.0, deadline - loop.time()))
            if done:
                if (found := waiting.result()) is None:
                    return
                waiting = asyncio.ensure_future(anext(events, None))
            else:
                found = [ping()]
            if found:
                yield found
                deadline = loop.time() + seconds
    finally:
        waiting.cancel()


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
