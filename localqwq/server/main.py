"""Runs a server in this process until it is told to end."""

import contextlib
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from localqwq.engine.engine import Engine
from localqwq.errors import LocalqwqError
from localqwq.server.app import create_app
from localqwq.server.guard import is_loopback
from localqwq.server.listener import cannot_listen, tcp_listener, unix_listener
from localqwq.server.supervisor import ANNOUNCEMENT, Launch
from localqwq.server.worker import Worker

_PATIENCE = 2.0
"""Seconds for the engine to reach its next token when the server ends."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What is served, and where."""

    launch: Launch
    host: str = "127.0.0.1"
    port: int = 8080
    uds: Path | None = None
    """Path of the Unix socket to listen on, instead of host and port."""
    api_key: str | None = None
    parent_pipe: bool = False
    """End when stdin closes, which it does when the parent process ends."""


class _Server(uvicorn.Server):
    """Says when it answers, and ends running generations before it waits for them."""

    def __init__(self, config: uvicorn.Config, worker: Worker, address: str) -> None:
        super().__init__(config)
        self._worker = worker
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"{ANNOUNCEMENT}{self._address}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._worker.stop()
        await super().shutdown(sockets)


def run_server(options: ServerOptions) -> int:
    """Load the model and serve it until SIGINT or SIGTERM; the exit code.

    Raises ``LocalqwqError`` when the model cannot be loaded or the address not be listened on.
    """
    if options.uds is None and not is_loopback(options.host) and not options.api_key:
        raise LocalqwqError(
            f"Listening on {options.host} lets other computers in, so a key is needed: give "
            "--api-key or LOCALQWQ_API_KEY, or listen on 127.0.0.1."
        )
    if options.parent_pipe:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    launch = options.launch
    with contextlib.ExitStack() as stack:
        if options.parent_pipe and options.uds is not None:
            # A parent that was killed cannot remove the directory it made for the socket.
            stack.callback(_remove_if_empty, options.uds.parent)
        listener, address = stack.enter_context(
            unix_listener(options.uds)
            if options.uds is not None
            else tcp_listener(options.host, options.port)
        )
        engine = stack.enter_context(
            Engine.load(
                launch.model,
                context=launch.context,
                gpu_layers=launch.gpu_layers,
                threads=launch.threads,
            )
        )
        worker = Worker(engine)
        code = _serve(options, engine, worker, listener, address)
        if not worker.join(_PATIENCE):
            # The engine is in the middle of a long batch, and cannot be freed before its end.
            if options.uds is not None:
                options.uds.unlink(missing_ok=True)
            sys.stdout.flush()
            os._exit(code)
    return code


def _serve(
    options: ServerOptions, engine: Engine, worker: Worker, listener: socket.socket, address: str
) -> int:
    app = create_app(
        worker,
        name=options.launch.name,
        sampling=engine.facts.sampling,
        api_key=options.api_key,
        loopback=options.uds is None and is_loopback(options.host),
    )
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than clients keep idle connections, so they close first
        timeout_graceful_shutdown=2,
    )
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    # uvicorn has its own handlers while it runs; it raises the signal again at its end, when it
    # has been obeyed already.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    try:
        _Server(config, worker, address).run(sockets=[listener])
    except OSError as error:
        raise cannot_listen(error, address) from None
    return 130 if signal.SIGINT in received else 0


def _remove_if_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()


def _end_with_parent() -> None:
    # Not sys.stdin: its lock, held by a thread that waits, would break the interpreter's end.
    while os.read(0, 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
