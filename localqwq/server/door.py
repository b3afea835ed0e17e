"""The server's door: it listens and answers HTTP in this process, and engines are children."""

import asyncio
import contextlib
import ctypes
import gc
import math
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from localqwq.errors import LocalqwqError
from localqwq.models.launch import Launch
from localqwq.server.engine.messages import MAX_WAITING
from localqwq.server.http.app import create_app, prepare
from localqwq.server.http.booting_app import Loading
from localqwq.server.http.counts import Counts
from localqwq.server.http.errors import UnavailableError
from localqwq.server.http.guard import Private
from localqwq.server.http.keys import Key
from localqwq.server.http.protocol import PrivateProtocol, Protocol
from localqwq.server.http.request_log import RequestLog, log_requests
from localqwq.server.http.responses.store import ResponseStore
from localqwq.server.listener import (
    cannot_listen,
    inherited_listener,
    is_unix,
    private_listener,
    tcp_listener,
    unix_listener,
)
from localqwq.server.openness import check_keys, is_loopback
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.pool import Pool
from localqwq.server.pool.source import ModelSource
from localqwq.server.supervision.engine_child import EngineChild
from localqwq.server.supervision.supervisor import Supervisor
from localqwq.server.supervision.watched import Log
from localqwq.server.tls import Certificate

ANNOUNCEMENT = "listening on "
"""Prefix of the line on stdout once requests are let in."""
_SHUTTING_DOWN = "The server is shutting down."
_FILES = 16_384
"""Number of files that may be open at once, if the system allows it."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's numbers of these options of ``mallopt``."""
_FREED = 1 << 20
"""Bytes of a block that is given back to the system once it is free."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What to serve, and where."""

    models: ModelSource
    host: str = "127.0.0.1"
    port: int = 8080
    uds: Path | None = None
    """Path of the Unix socket to listen on, instead of host and port."""
    descriptor: int | None = None
    """A listening socket opened by the parent process."""
    keys: tuple[Key, ...] = ()
    """Clients must send one of these, if there are any."""
    allow_origins: tuple[str, ...] = ()
    """Origins of web pages that may use the server."""
    allow_hosts: tuple[str, ...] = ()
    """Further host names besides the loopback ones."""
    private: Path | None = None
    """Path of a further Unix socket, for this user's own programs, which need no key there."""
    certificate: Certificate | None = None
    """For TLS on host and port."""
    log_requests: bool = False
    """Whether each request gets a line on stderr."""
    responses: ResponseStore | None = None
    """Where responses are stored; None stores none."""
    queue: int = MAX_WAITING
    """Maximum number of waiting requests."""
    idle: float = math.inf
    """Seconds without a request after which a model leaves memory."""

    def listener(self) -> AbstractContextManager[tuple[socket.socket, str]]:
        """Return a bound socket, and its URL or ``unix:`` address."""
        if self.descriptor is not None:
            return inherited_listener(self.descriptor)
        if self.uds is not None:
            return unix_listener(self.uds)
        return tcp_listener(self.host, self.port, "https" if self.certificate else "http")


Keep = Callable[[HeldModel, Pool], Awaitable[None]]
"""Loads a model, and raises ``LocalqwqError`` once its engine does not run any more."""


def run_door(
    options: ServerOptions,
    keep: Keep,
    log: Callable[[int], Log],
    on_progress: Callable[[float], None] | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM, even during loading, and return the exit code.

    It responds at once; with 503 until the model is loaded, if there is only one. ``log`` makes the
    log of an engine with a process id, ``on_progress`` is called with the fraction of the only
    model loaded, 0 to 1. Raises ``LocalqwqError`` if it cannot listen on the address, and what
    ``keep`` raises for the only model.
    """
    check_keys(options.host, options.uds, options.keys)
    if options.certificate is not None:
        options.certificate.check()
    if options.log_requests:
        log_requests()
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    _allow_connections()
    _return_freed_memory()
    with contextlib.ExitStack() as stack:
        listener, address = stack.enter_context(options.listener())
        # uvicorn has its own handlers while it runs; it raises the signal again at its end, when it
        # has been handled already.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, note)
        private = stack.enter_context(private_listener(options.private, _say))
        door = Door(options, listener, private, address, received, keep, log, on_progress)
        try:
            door.run(sockets=[listener])
        except OSError as error:
            raise cannot_listen(error, address) from None
        if door.failure is not None:
            raise door.failure
    return 130 if signal.SIGINT in received else 0


class Door(uvicorn.Server):
    """Listens, announces readiness, and ends running generations before waiting for them."""

    def __init__(
        self,
        options: ServerOptions,
        listener: socket.socket,
        private: socket.socket | None,
        address: str,
        received: Sequence[int],
        keep: Keep,
        log: Callable[[int], Log],
        on_progress: Callable[[float], None] | None,
    ) -> None:
        """Set up; ``received``: signals that arrived before uvicorn handles them itself."""
        self.failure: LocalqwqError | None = None
        """Why the server ended by itself."""
        self._options = options
        self._received = received
        self._loopback = not is_unix(listener) and is_loopback(options.host)
        self._address = address
        self._private = private
        self._on_progress = on_progress
        self._gate = Loading()
        self._app: ASGIApp = RequestLog(self._gate) if options.log_requests else self._gate
        self._counts = Counts()
        self._ending = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

        async def spawn(launch: Launch) -> EngineChild:
            return await EngineChild.spawn(launch, options.queue, log, self._counts)

        self._pool = Pool(
            options.models, lambda launch: Supervisor(launch, spawn), keep, options.idle
        )
        certificate = options.certificate
        super().__init__(
            uvicorn.Config(
                self._app,
                loop="asyncio",
                http=Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ssl_certfile=certificate.chain if certificate else None,
                ssl_keyfile=certificate.key if certificate else None,
                timeout_keep_alive=75,  # longer than clients keep idle connections
                timeout_graceful_shutdown=2,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        _wake_for_signals()
        await super().startup(sockets)
        if self._private is not None:
            self.servers.append(await self._listen_privately(self._private))
        if self._received:
            self._end()
            return
        self._keeping = asyncio.create_task(self._run())
        prepare()  # the model is loaded meanwhile
        gc.freeze()  # what is imported stays, and is no garbage to look for

    async def _listen_privately(self, listener: socket.socket) -> asyncio.Server:
        """Listen without TLS and without a key, whatever others need."""
        config = uvicorn.Config(
            Private(self._app), ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, timeout_keep_alive=75,
        )  # fmt: skip
        config.load()
        return await asyncio.get_running_loop().create_server(
            lambda: PrivateProtocol(config, self.server_state, {}), sock=listener
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        reason = str(self.failure or _SHUTTING_DOWN)
        self._gate.give_up(reason)
        self._pool.refuse(UnavailableError(reason))
        await super().shutdown(sockets)
        await self._pool.close()

    async def main_loop(self) -> None:
        """Wait to be ended.

        uvicorn's own loop checks for that ten times a second, and renews the date of responses,
        which the protocol does where there are any.
        """
        await self._ending.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal inside its Python handler; the loop may be asleep."""
        super().handle_exit(sig, frame)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._end)

    async def _run(self) -> None:
        """Let requests in; with one model, once it is loaded, and as long as it is kept so."""
        try:
            if self._pool.has_one:
                await self._serve_one()
            else:
                self._open()
        except Exception as error:
            self.failure = LocalqwqError(
                f"The server failed ({type(error).__name__}: {error}); please report this."
            )
        if self.failure is not None:
            self._end()

    async def _serve_one(self) -> None:
        held = await self._pool.find(None)
        held.on_progress = self._progressed
        with contextlib.suppress(UnavailableError):  # the failure is asked for below
            await held.ready()
            held.on_progress = None
            self._open()
            if self._options.idle < math.inf:
                return  # the next request wakes it, whatever went wrong
        self.failure = await held.failed()

    def _progressed(self, part: float) -> None:
        self._gate.progressed(part)
        if self._on_progress is not None:
            self._on_progress(part)

    def _open(self) -> None:
        """Let requests in, and say so."""
        options = self._options
        app = create_app(
            self._pool,
            self._counts,
            keys=options.keys,
            loopback=self._loopback,
            allow_origins=options.allow_origins,
            allow_hosts=options.allow_hosts,
            responses=options.responses,
        )
        self._gate.open(app)
        print(f"{ANNOUNCEMENT}{self._address}", flush=True)

    def _end(self) -> None:
        self.should_exit = True
        self._ending.set()


def _wake_for_signals() -> None:
    """Have the running loop wake for each signal, so that Python can call its handler.

    Python does that between two instructions of the main thread. A signal that another thread
    receives, or that comes just before the loop goes to sleep, would wait for the next request.
    """
    # asyncio listens to what Python notes of signals, but only once it handles one itself. SIGURG
    # is ignored by default and not used here.
    asyncio.get_running_loop().add_signal_handler(signal.SIGURG, lambda: None)


def _allow_connections() -> None:
    """Raise the limit of open files, and thus connections, as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _return_freed_memory() -> None:
    """Have large blocks given back: after one very large body, glibc would keep them for ever."""
    with contextlib.suppress(OSError, AttributeError):
        for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            ctypes.CDLL(None).mallopt(option, _FREED)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
