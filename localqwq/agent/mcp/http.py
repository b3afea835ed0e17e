"""MCP's messages over streamable HTTP, to the address of the entry only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from localqwq.agent.mcp.flow import Flood, Flow
from localqwq.agent.mcp.rights import NEAR

if TYPE_CHECKING:
    import httpx2
    from mcp.client._transport import TransportStreams

_SECONDS, _CONNECT_SECONDS, _READ_SECONDS, _GOODBYE_SECONDS = 30.0, 10.0, 300.0, 2.0


class Refused(Exception):
    """What a server answers is not accepted; the message is a sentence."""


class Answered:
    """The last answer that was an error."""

    def __init__(self) -> None:
        self.status = 0
        """Its status; 0 if there was none."""


@asynccontextmanager
async def http_streams(
    url: str, headers: Mapping[str, str], answered: Answered
) -> AsyncGenerator[TransportStreams]:
    """Yield the streams of messages to the server at ``url``.

    No request leaves for another scheme, host or port, wherever an answer leads.
    """
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    target, flow = httpx2.URL(url), Flow()

    async def check(request: httpx2.Request) -> None:
        if _origin(request.url) != _origin(target):
            raise Refused(f"The server leads to {request.url.host}, which its entry does not name.")
        if request.method == "DELETE":  # a goodbye; a server that hangs must not hold up the end
            request.extensions["timeout"] = httpx2.Timeout(_GOODBYE_SECONDS).as_dict()

    async def count(response: httpx2.Response) -> None:
        if response.is_error:
            answered.status = response.status_code
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Refused("The server compresses what it sends, although it was asked not to.")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _counted(response.stream, flow)

    async with (
        httpx2.AsyncClient(
            headers={"Accept-Encoding": "identity", **headers},
            timeout=httpx2.Timeout(_SECONDS, connect=_CONNECT_SECONDS, read=_READ_SECONDS),
            trust_env=target.host not in NEAR,  # no proxy on the way to this machine
            event_hooks={"request": [check], "response": [count]},
        ) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _counted(stream: httpx2.AsyncByteStream, flow: Flow) -> httpx2.AsyncByteStream:
    """Return the stream, which fails when too much comes."""
    import httpx2

    class Counted(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in stream:
                try:
                    flow.take(len(piece))
                except Flood as flood:
                    raise httpx2.ReadError(str(flood)) from None
                yield piece

        async def aclose(self) -> None:
            await stream.aclose()

    return Counted()
