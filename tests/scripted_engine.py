"""The door of a server, listening, whose engine says what a script has: for the protocols alone."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from localqwq.engine.load_options import LoadOptions
from localqwq.engine.request import GenerationRequest
from localqwq.gguf.facts import read_facts
from localqwq.models.launch import Launch
from localqwq.reasoning.events import Event
from localqwq.reasoning.template_traits import TemplateTraits
from localqwq.server.engine.messages import Batch, Closed, Down, Open, Opened, Served
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.app import create_app
from localqwq.server.http.counts import Counts
from localqwq.server.http.protocol import Protocol
from localqwq.server.http.responses.store import ResponseStore
from tests.servers import pool_of

_CONTEXT = 32_768


@dataclass
class Script:
    """The answers in their order, and what was asked."""

    answers: Sequence[Sequence[Event]]
    asked: list[GenerationRequest] = field(default_factory=list)


@asynccontextmanager
async def scripted_door(model: Path, script: Script, folder: Path) -> AsyncIterator[str]:
    """The address of a door in front of a scripted engine with the facts of ``model``.

    Responses are stored in ``folder``.
    """
    traits = TemplateTraits()
    served = Served(read_facts(model), traits, traits, 1, _CONTEXT, 300)
    loop = asyncio.get_running_loop()

    def answer(message: Down) -> None:
        if isinstance(message, Open):
            events = script.answers[len(script.asked)]
            script.asked += message.requests
            # Later, as from another process; each event by itself.
            loop.call_soon(engine.received, Opened(message.id))
            for event in events:
                loop.call_soon(engine.received, Batch(message.id, 0, [event]))
            loop.call_soon(engine.received, Closed(message.id))

    engine = RemoteEngine(served, answer, Counts())
    pool = pool_of(engine, Launch(model, "scripted", LoadOptions(context=_CONTEXT)))
    store = ResponseStore(folder / "responses.sqlite")
    app = create_app(pool, engine.counts, keys=(), loopback=True, responses=store)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=Protocol, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
            await pool.close()
