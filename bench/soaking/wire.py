"""HTTP on a plain socket, for a client that may misbehave."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import h11

PATIENCE_S = 300.0
"""For one exchange; a server that takes longer is stuck."""
_PIECE = 1 << 16
_SLOW_PIECE = 512
_SLOW_PAUSE_S = 0.002
_HEADER_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes over the wire."""

    method: str
    target: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    """Beside Host, Connection and Content-Length, which they may override by their names."""
    raw: bytes | None = None
    """Sent instead of all that."""

    def encode(self) -> bytes:
        """Its bytes."""
        if self.raw is not None:
            return self.raw
        fields = {"host": "127.0.0.1", "connection": "close"}
        if self.body:
            fields |= {"content-type": "application/json", "content-length": str(len(self.body))}
        fields |= {name.lower(): value for name, value in self.headers}
        head = [f"{self.method} {self.target} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in fields.items() if value]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + self.body


def post(target: str, value: Any) -> Request:
    """A request with a JSON body; lone halves of surrogate pairs stay escapes."""
    return Request("POST", target, json.dumps(value).encode())


@dataclass(frozen=True, slots=True)
class Manner:
    """How the client behaves. The default one sends and reads everything."""

    sent: float = 1.0
    """Share of the request's bytes that it sends before it goes away."""
    read: int | None = None
    """Bytes of the reply's body that it reads before it goes away; 0: nothing of the reply."""
    stays_s: float = 0.0
    """How long it waits before it goes away without a reply."""
    half_close: bool = False
    """It says that it sends no more, as soon as the request is out."""
    slow: bool = False
    """It reads little at a time, and its buffers are small."""
    reset: bool = False
    """It goes away with a reset."""

    @property
    def leaves(self) -> bool:
        """Whether it goes away before the end."""
        return self.sent < 1 or self.read is not None


POLITE = Manner()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    """0: the connection ended before any."""
    headers: dict[str, str]
    body: bytes
    complete: bool


NOTHING = Reply(0, {}, b"", False)
OnBody = Callable[[bytes], Awaitable[None]]


class Wire:
    """Connections to one server on this computer."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def exchange(
        self, request: Request, manner: Manner = POLITE, on_body: OnBody | None = None
    ) -> Reply:
        """Send a request on a connection of its own, and read the reply as far as wanted.

        ``on_body`` is told the body so far whenever there is more of it. Raises ``OSError`` where
        nobody listens, and ``TimeoutError`` where the server is stuck.
        """
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await self._connect(manner)
            try:
                return await _exchange(reader, writer, request, manner, on_body)
            finally:
                await _leave(writer, manner)

    async def pipeline(self, requests: Sequence[Request]) -> list[Reply]:
        """Send several requests at once on one connection, and read all replies."""
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await self._connect(POLITE)
            try:
                writer.write(b"".join(request.encode() for request in requests))
                parser = _Parser(reader)
                return [await parser.reply(None, None) for _ in requests]
            finally:
                await _leave(writer, POLITE)

    async def _connect(self, manner: Manner) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        if manner.slow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_PIECE)
        if manner.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
            limit = _SLOW_PIECE if manner.slow else _PIECE
            return await asyncio.open_connection(sock=connection, limit=limit)
        except BaseException:
            connection.close()
            raise


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: Request,
    manner: Manner,
    on_body: OnBody | None,
) -> Reply:
    data = request.encode()
    try:
        writer.write(data[: int(len(data) * manner.sent)])
        await writer.drain()
        if manner.sent < 1 or manner.read == 0:
            await asyncio.sleep(manner.stays_s)
            return NOTHING
        if manner.half_close:
            writer.write_eof()
    except ConnectionError:
        return NOTHING  # the server has had enough
    return await _Parser(reader, slow=manner.slow).reply(manner.read, on_body)


async def _leave(writer: asyncio.StreamWriter, manner: Manner) -> None:
    if manner.reset:
        writer.transport.abort()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


class _Parser:
    """Reads the replies of one connection; h11 says whether they are HTTP."""

    def __init__(self, reader: asyncio.StreamReader, *, slow: bool = False) -> None:
        self._reader = reader
        self._slow = slow
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADER_LIMIT)

    async def reply(self, most: int | None, on_body: OnBody | None) -> Reply:
        """The next reply, up to ``most`` bytes of its body."""
        self._expect()
        status, headers, body = 0, {}, bytearray()
        while status == 0 or most is None or len(body) < most:
            event = await self._event()
            match event:
                case h11.Response():
                    status = event.status_code
                    headers = _headers(event.headers)
                case h11.Data():
                    body += event.data
                    if on_body is not None:
                        await on_body(bytes(body))
                case h11.EndOfMessage():
                    return Reply(status, headers, bytes(body), True)
                case h11.ConnectionClosed() | None:
                    break
        return Reply(status, headers, bytes(body), False)

    def _expect(self) -> None:
        """Tell h11 that a request went out; what it really was does not matter to it."""
        if self._connection.our_state is h11.DONE:
            self._connection.start_next_cycle()
        self._connection.send(h11.Request(method="GET", target="/", headers=[("host", "soak")]))
        self._connection.send(h11.EndOfMessage())

    async def _event(self) -> Any:
        """The next event, or ``None`` at an end that comes too early."""
        while True:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError:
                return None
            if event is not h11.NEED_DATA:
                return event
            self._connection.receive_data(await self._more())

    async def _more(self) -> bytes:
        if self._slow:
            await asyncio.sleep(_SLOW_PAUSE_S)
        try:
            return await self._reader.read(_SLOW_PIECE if self._slow else _PIECE)
        except ConnectionError:
            return b""


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
