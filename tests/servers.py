"""Command lines of servers that tests start by themselves."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.server.engine.frames import Frames, Sender
from localqwq.server.engine.messages import Served, Up, from_bytes, to_bytes, to_down, to_up
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.engine.serving import Serving
from localqwq.server.engine.worker import Worker
from localqwq.server.http.counts import Counts
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.pool import Pool
from localqwq.server.pool.source import OneModel
from localqwq.server.supervision.engine_child import EngineChild
from localqwq.server.supervision.supervisor import Supervisor


def server_command(
    model: Path,
    *options: str,
    name: str = "",
    context: int = 2048,
    parallel: int = 4,
    longest: int | None = None,
) -> list[str]:
    """Serve ``model`` on one thread, since so small a model gains nothing by more."""
    load = LoadOptions(context=context, longest=longest, parallel=parallel, threads=1)
    launch = Launch(model, name or model.stem, load)
    return [sys.executable, "-m", "localqwq.server", launch.as_json(), *options]


@contextmanager
def announced(command: Sequence[str], **environment: str) -> Iterator[str]:
    """The URL of a server that is started, once it says it, and ended with the context."""
    pipe, words = subprocess.PIPE, "listening on "
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith(words))
        yield line.removeprefix(words).strip()
        process.terminate()


@asynccontextmanager
async def remote(worker: Worker) -> AsyncIterator[RemoteEngine]:
    """The server's end of a socket at whose other end a worker is served."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    first: asyncio.Future[Up] = loop.create_future()
    near = Frames(lambda data: received(to_up(from_bytes(data))), lambda: None)
    far = Frames(lambda data: serving.received(to_down(from_bytes(data))), lambda: None)

    def received(message: Up) -> None:
        if first.done():
            engine.received(message)
        else:
            first.set_result(message)

    await loop.create_connection(lambda: near, sock=ours)
    await loop.create_connection(lambda: far, sock=theirs)
    sender = Sender(theirs)  # the worker's thread sends, too
    serving = Serving(worker, lambda message: sender.send(to_bytes(message)))
    served = await first
    assert isinstance(served, Served)
    engine = RemoteEngine(served, lambda message: near.send(to_bytes(message)), Counts())
    try:
        yield engine
    finally:
        near.close()
        far.close()
        sender.close()


def pool_of(engine: RemoteEngine, launch: Launch) -> Pool:
    """A pool whose only model has this engine."""

    async def spawn(_: Launch) -> EngineChild:
        raise AssertionError("it has an engine")

    async def keep(held: HeldModel, pool: Pool) -> None:
        pool.supervise(held, launch)
        pool.let_in(held, engine)
        await asyncio.Event().wait()

    return Pool(OneModel(launch), lambda launch: Supervisor(launch, spawn), keep)
