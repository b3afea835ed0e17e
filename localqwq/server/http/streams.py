"""Sending a generation's events to its client, which may go away at any time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Message, Receive, Send

from localqwq.errors import LocalqwqError
from localqwq.server.http.replies import STREAM_END, error_body, sse
from localqwq.server.http.worker import Channel

Json = dict[str, Any]

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the stream back
]


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


async def send_stream(send: Send, first: Iterable[Json], rest: AsyncIterator[list[Json]]) -> None:
    """Send chunks as server-sent events; an error on the way is the last of them."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send(_body(sse(first)))
    try:
        async for chunks in rest:
            if chunks:
                await send(_body(sse(chunks)))
    except LocalqwqError as error:
        await send(_body(sse([error_body(error)])))
    await send(_body(STREAM_END, more=False))


def _body(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
