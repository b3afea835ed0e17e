"""The server's door: it listens and answers HTTP in this process, and the engine is a child."""

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from localqwq import children
from localqwq.errors import LocalqwqError
from localqwq.models.launch import Launch
from localqwq.server.engine.messages import MAX_WAITING
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.app import create_app
from localqwq.server.http.booting_app import Loading
from localqwq.server.http.counts import Counts
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.errors import UnavailableError
from localqwq.server.http.guard import is_loopback
from localqwq.server.http.protocol import Protocol
from localqwq.server.http.request_log import RequestLog, log_requests
from localqwq.server.http.responses.kept import KeptResponses
from localqwq.server.http.responses.store import ResponseStore
from localqwq.server.listener import (
    cannot_listen,
    inherited_listener,
    is_unix,
    tcp_listener,
    unix_listener,
)
from localqwq.server.loading_lines import LoadingLines
from localqwq.server.supervision.child import ANNOUNCEMENT
from localqwq.server.supervision.engine_child import EngineChild
from localqwq.server.supervision.supervisor import Supervisor
from localqwq.server.supervision.watched import Log
from localqwq.server.tls import Certificate

_TICK_SECONDS, _IDLE_TICK_SECONDS = 1.0, 5.0
"""Seconds between two updates of the date, while requests arrive and while none do."""
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

    launch: Launch
    host: str = "127.0.0.1"
    port: int = 8080
    uds: Path | None = None
    """Path of the Unix socket to listen on, instead of host and port."""
    descriptor: int | None = None
    """A listening socket opened by the parent process."""
    api_key: str | None = None
    allow_origins: tuple[str, ...] = ()
    """Origins of web pages that may use the server."""
    allow_hosts: tuple[str, ...] = ()
    """Further host names besides the loopback ones."""
    certificate: Certificate | None = None
    """For TLS on host and port."""
    log_requests: bool = False
    """Whether each request gets a line on stderr."""
    responses: Path | None = None
    """The file in which responses are stored; None stores none."""
    queue: int = MAX_WAITING
    """Maximum number of waiting requests."""
    parent_pipe: bool = False
    """Whether to end when stdin closes, which happens when the parent ends, and to report progress
    to it.
    """

    def listener(self) -> AbstractContextManager[tuple[socket.socket, str]]:
        """Return a bound socket, and its URL or ``unix:`` address."""
        if self.descriptor is not None:
            return inherited_listener(self.descriptor)
        if self.uds is not None:
            return unix_listener(self.uds)
        return tcp_listener(self.host, self.port, "https" if self.certificate else "http")


def check_key(host: str, uds: Path | None, api_key: str | None) -> None:
    """Raise ``LocalqwqError`` if other computers could connect without a key."""
    if uds is None and not is_loopback(host) and not api_key:
        raise LocalqwqError(
            f"Listening on {host} is open to other computers, so a key is needed: give "
            "--api-key or LOCALQWQ_API_KEY, or listen on 127.0.0.1."
        )


Keep = Callable[["Door"], Awaitable[None]]
"""Has a door's engine run; raises ``LocalqwqError`` once it does not run any more."""


def run_door(options: ServerOptions, keep: Keep, log: Callable[[int], Log]) -> int:
    """Serve until SIGINT or SIGTERM, even during loading, and return the exit code.

    It responds at once, with 503 until the model is loaded. ``keep`` runs the engine, ``log`` makes
    the log of an engine with a process id. Raises ``LocalqwqError`` if it cannot listen on the
    address, and what ``keep`` raises.
    """
    check_key(options.host, options.uds, options.api_key)
    if options.certificate is not None:
        options.certificate.check()
    if options.log_requests:
        log_requests()
    if options.parent_pipe:
        children.wake_with_parent()
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    _allow_connections()
    _return_freed_memory()
    with contextlib.ExitStack() as stack:
        if options.parent_pipe and options.uds is not None:
            # A parent that was killed cannot remove the directory it made for the socket.
            stack.callback(_remove_if_empty, options.uds.parent)
        listener, address = stack.enter_context(options.listener())
        # uvicorn has its own handlers while it runs; it raises the signal again at its end, when it
        # has been handled already.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, note)
        door = Door(options, listener, address, received, keep, log)
        try:
            door.run(sockets=[listener])
        except OSError as error:
            raise cannot_listen(error, address) from None
        if door.failure is not None:
            raise door.failure
    return 130 if signal.SIGINT in received else 0


class Door(uvicorn.Server):
    """Listens, has the engine run, announces readiness; ends running generations before waiting
    for them.
    """

    def __init__(
        self,
        options: ServerOptions,
        listener: socket.socket,
        address: str,
        received: Sequence[int],
        keep: Keep,
        log: Callable[[int], Log],
    ) -> None:
        """Set up; ``received``: signals that arrived before uvicorn handles them itself."""
        self.failure: LocalqwqError | None = None
        """Why the server ended by itself."""
        self._options = options
        self._received = received
        self._loopback = not is_unix(listener) and is_loopback(options.host)
        self._address = address
        self._keep = keep
        self._gate = Loading()
        self._print_progress = LoadingLines() if options.parent_pipe else None
        self._counts = Counts()
        file = options.responses
        self._kept = None if file is None else KeptResponses(ResponseStore(file))
        self._engine: RemoteEngine | None = None
        self._announced = False
        self._ending = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

        async def spawn(launch: Launch) -> EngineChild:
            return await EngineChild.spawn(launch, options.queue, log, self._counts)

        self.supervisor: Supervisor[RemoteEngine] = Supervisor(options.launch, spawn)
        """Of the engine."""
        certificate = options.certificate
        super().__init__(
            uvicorn.Config(
                RequestLog(self._gate) if options.log_requests else self._gate,
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
        await super().startup(sockets)
        if self._received:
            self._end()
            return
        self._keeping = asyncio.create_task(self._keep_engine())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._gate.give_up(str(self.failure or _SHUTTING_DOWN))
        if self._engine is not None:
            self._engine.end(UnavailableError(_SHUTTING_DOWN))
        await super().shutdown(sockets)
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        await self.supervisor.stop()

    async def main_loop(self) -> None:
        """Wait to be ended; uvicorn's own loop checks for that ten times a second."""
        state, known = self.server_state, 0
        while not await self.on_tick(0):  # 0: a whole second, in which the date is new
            is_idle = state.total_requests == known and not state.tasks
            known = state.total_requests
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._ending.wait(), _IDLE_TICK_SECONDS if is_idle else _TICK_SECONDS
                )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal inside its Python handler; the loop may be asleep."""
        super().handle_exit(sig, frame)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._end)

    def progressed(self, part: float) -> None:
        """Tell the fraction of the model loaded, 0 to 1."""
        self._gate.progressed(part)
        if self._print_progress is not None:
            self._print_progress(part)

    def open(self, engine: RemoteEngine) -> None:
        """Let requests in, and say so the first time."""
        if self.should_exit:
            return
        self._engine = engine
        defaults = RequestDefaults.parse(self._options.launch.defaults)
        self._gate.open(
            create_app(
                engine,
                name=self.supervisor.launch.name,
                sampling=defaults.sampling(engine.served.facts.sampling),
                defaults=defaults,
                api_key=self._options.api_key,
                loopback=self._loopback,
                allow_origins=self._options.allow_origins,
                allow_hosts=self._options.allow_hosts,
                kept=self._kept,
            )
        )
        if not self._announced:
            self._announced = True
            print(f"{ANNOUNCEMENT}{self._address}", flush=True)

    def shut(self) -> None:
        """Let no request in until there is an engine again; those that come wait."""
        self._gate.shut()

    async def _keep_engine(self) -> None:
        try:
            await self._keep(self)
        except LocalqwqError as error:
            self.failure = error
        except Exception as error:
            self.failure = LocalqwqError(
                f"The server failed ({type(error).__name__}: {error}); please report this."
            )
        self._end()

    def _end(self) -> None:
        self.should_exit = True
        self._ending.set()


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


def _remove_if_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()


def _end_with_parent() -> None:
    # Not sys.stdin: its lock, held by a waiting thread, would break interpreter shutdown.
    while os.read(0, 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
