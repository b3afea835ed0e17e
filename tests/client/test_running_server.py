"""Noticing that the running server ends, by a connection that says nothing."""

import asyncio
from asyncio import StreamReader, StreamWriter
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from localqwq.client import running_server
from localqwq.client.running_server import ended
from localqwq.server.http import protocol
from localqwq.server.http.booting_app import Loading
from localqwq.server.http.protocol import PrivateProtocol, Protocol


async def test_its_end_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that it closes is none: the next one shows whether it is there."""
    monkeypatch.setattr(running_server, "_PAUSE", 0.0)
    opened: asyncio.Queue[StreamWriter] = asyncio.Queue()

    async def accept(_: StreamReader, writer: StreamWriter) -> None:
        await opened.put(writer)

    async with await asyncio.start_unix_server(accept, tmp_path / "socket") as server:
        waiting = asyncio.create_task(ended(tmp_path / "socket"))
        for _ in range(3):
            (await opened.get()).close()
        last = await opened.get()
        assert not waiting.done()
        server.close()
        last.close()
        async with asyncio.timeout(10):
            await waiting
    await ended(tmp_path / "none")


async def test_only_others_must_ask_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the private socket, a connection without a request stays open."""
    monkeypatch.setattr(protocol, "READ_TIMEOUT", 0.02)
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(Loading(), ws="none", lifespan="off", log_config=None)
    config.load()
    connections: list[tuple[StreamReader, StreamWriter]] = []
    servers = []
    for kind in (PrivateProtocol, Protocol):
        path = tmp_path / kind.__name__
        servers.append(
            await loop.create_unix_server(partial(kind, config, ServerState(), {}), path)
        )
        connections.append(await asyncio.open_unix_connection(path))
    (private, _), (public, _) = connections
    assert await public.read() == b""
    assert not private.at_eof()
    for server in servers:
        server.close()
    for _, writer in connections:
        writer.close()
