"""Other people's servers: small ones on loopback that speak OpenAI's protocol in their own way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

_TLS = b"\x16"
"""What a TLS handshake begins with."""
Reply = tuple[str, str, Sequence[bytes]]
"""Status with its reason, content type, and the pieces of the body."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that a server got."""

    line: str
    """Such as `GET /v1/models`."""
    headers: dict[str, str]
    """By their names in lower case."""
    body: Any
    """The JSON, None where there is none."""


@dataclass
class OtherServer:
    """A server under `url`, and what it was asked in order."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def chats(self) -> list[Any]:
        """The bodies of the chat completions that were asked for."""
        return [one.body for one in self.asked if one.line.endswith("/chat/completions")]


def listing(*models: str, owner: str | None = None) -> Reply:
    """The reply to `GET /v1/models`."""
    known = {"owned_by": owner} if owner else {}
    data = [{"id": model, "object": "model", **known} for model in models]
    return refusing("200 OK", {"object": "list", "data": data})


def streaming(*deltas: dict[str, Any], end: str = "stop") -> Reply:
    """A streamed completion with these deltas."""
    chunks: list[dict[str, Any]] = [
        {"delta": delta, "index": 0, "finish_reason": None} for delta in deltas
    ]
    chunks.append({"delta": {}, "index": 0, "finish_reason": end})
    lines = [f"data: {json.dumps({'id': 'c-1', 'choices': [chunk]})}\n\n" for chunk in chunks]
    return "200 OK", "text/event-stream", [*(line.encode() for line in lines), b"data: [DONE]\n\n"]


def refusing(status: str, body: Any) -> Reply:
    """A JSON reply, or one of other bytes."""
    if isinstance(body, bytes):
        return status, "text/html", [body]
    return status, "application/json", [json.dumps(body).encode()]


@asynccontextmanager
async def serving(reply: Callable[[Asked], Reply], ssl: Any = None) -> AsyncIterator[OtherServer]:
    """A server that answers each connection once and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = await reader.readexactly(1)
        if start == _TLS:
            writer.close()
            return
        head = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in fields}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        one = Asked(head[0].removesuffix(" HTTP/1.1"), headers, json.loads(body or b"null"))
        server.asked.append(one)
        status, kind, pieces = reply(one)
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode()
        )
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=ssl) as listening:
        port = listening.sockets[0].getsockname()[1]
        server = OtherServer(f"http{'s' if ssl else ''}://127.0.0.1:{port}")
        yield server
