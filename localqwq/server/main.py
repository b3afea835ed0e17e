"""Running a server in this process until it is told to end."""

import asyncio
import contextlib
import mmap
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from localqwq import children
from localqwq.errors import LocalqwqError
from localqwq.models.launch import Launch
from localqwq.server.engine_loader import Loader, LoadingLines
from localqwq.server.http.app import create_app
from localqwq.server.http.booting_app import Loading
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.guard import is_loopback
from localqwq.server.http.protocol import Protocol
from localqwq.server.http.worker import MAX_WAITING, Worker
from localqwq.server.listener import (
    cannot_listen,
    inherited_listener,
    is_unix,
    tcp_listener,
    unix_listener,
)
from localqwq.server.supervision.child import ANNOUNCEMENT

_PATIENCE = 2.0
"""Seconds for the engine to reach its next token when the server ends."""
_TICK_SECONDS, _IDLE_TICK_SECONDS = 1.0, 5.0
"""Seconds between health checks of the process, while requests arrive and while none do."""
_FILES = 16_384
"""Number of files that may be open at once, if the system allows it."""
_RESERVE = 16 << 20
"""Bytes that a process must be able to allocate: a request needs them for threads alone."""


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
        return tcp_listener(self.host, self.port)


def check_key(host: str, uds: Path | None, api_key: str | None) -> None:
    """Raise ``LocalqwqError`` if other computers could connect without a key."""
    if uds is None and not is_loopback(host) and not api_key:
        raise LocalqwqError(
            f"Listening on {host} is open to other computers, so a key is needed: give "
            "--api-key or LOCALQWQ_API_KEY, or listen on 127.0.0.1."
        )


def run_server(options: ServerOptions) -> int:
    """Serve until SIGINT or SIGTERM, even during loading, and return the exit code.

    It responds at once, with 503 until the model is loaded. Raises ``LocalqwqError`` if the model
    cannot be loaded, it cannot listen on the address, or the engine fails.
    """
    check_key(options.host, options.uds, options.api_key)
    if options.parent_pipe:
        children.wake_with_parent()
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    _allow_connections()
    with contextlib.ExitStack() as stack:
        if options.parent_pipe and options.uds is not None:
            # A parent that was killed cannot remove the directory it made for the socket.
            stack.callback(_remove_if_empty, options.uds.parent)
        listener, address = stack.enter_context(options.listener())
        # uvicorn has its own handlers while it runs; it raises the signal again at its end, when it
        # has been handled already.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, note)
        server = _Server(options, listener, address, received)
        try:
            server.run(sockets=[listener])
        except OSError as error:
            raise cannot_listen(error, address) from None
        if server.failure is not None:
            raise server.failure
        code = 130 if signal.SIGINT in received else 0
        if not server.close():
            stack.close()
            sys.stdout.flush()
            os._exit(code)
    return code


class _Server(uvicorn.Server):
    """Listens, loads, announces readiness; ends running generations before waiting for them."""

    def __init__(
        self,
        options: ServerOptions,
        listener: socket.socket,
        address: str,
        received: Sequence[int],
    ) -> None:
        """Set up; ``received``: signals that arrived before uvicorn handles them itself."""
        self._options = options
        self._received = received
        self._loopback = not is_unix(listener) and is_loopback(options.host)
        self._address = address
        self._gate = Loading()
        self._print_progress = LoadingLines() if options.parent_pipe else None
        self._loader = Loader(options.launch, self._progressed)
        self._worker: Worker | None = None
        self._engine_failed = False
        self._ending = asyncio.Event()
        super().__init__(
            uvicorn.Config(
                self._gate,
                loop="asyncio",
                http=Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,  # longer than clients keep idle connections
                timeout_graceful_shutdown=2,
            )
        )

    @property
    def failure(self) -> LocalqwqError | None:
        """Why the server ended by itself."""
        if self._worker is not None and self._engine_failed:
            return LocalqwqError(self._worker.failure)
        return self._loader.failure

    def close(self) -> bool:
        """Free the engine; return False if it is loading or busy, and cannot be freed now."""
        engine, worker = self._loader.engine, self._worker
        if engine is None or (worker is not None and not worker.join(_PATIENCE)):
            return False
        engine.close()
        return True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._received:
            self._end()
            return
        self._loader.start(self._on_loop(self._loaded))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._worker is not None:
            self._worker.stop()
        await super().shutdown(sockets)

    async def main_loop(self) -> None:
        """Wait to be ended; uvicorn's own loop checks for that ten times a second."""
        state, known = self.server_state, 0
        while not await self.on_tick(0):  # 0: a whole second, in which the date is new
            _end_without_memory()
            is_idle = state.total_requests == known and not state.tasks
            known = state.total_requests
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._ending.wait(), _IDLE_TICK_SECONDS if is_idle else _TICK_SECONDS
                )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal inside its Python handler; the loop may be asleep."""
        super().handle_exit(sig, frame)
        self._on_loop(self._end)()

    def _progressed(self, part: float) -> None:
        self._gate.progressed(part)
        if self._print_progress is not None:
            self._print_progress(part)

    def _loaded(self) -> None:
        engine = self._loader.engine
        if engine is None or self.should_exit:
            self._end()
            return
        self._worker = worker = Worker(
            engine, self._on_loop(self._fail), most_waiting=self._options.queue
        )
        defaults = RequestDefaults.parse(self._options.launch.defaults)
        self._gate.open(
            create_app(
                worker,
                name=self._options.launch.name,
                sampling=defaults.sampling(engine.facts.sampling),
                defaults=defaults,
                api_key=self._options.api_key,
                loopback=self._loopback,
                allow_origins=self._options.allow_origins,
                allow_hosts=self._options.allow_hosts,
            )
        )
        print(f"{ANNOUNCEMENT}{self._address}", flush=True)

    def _fail(self) -> None:
        self._engine_failed = True
        self._end()

    def _end(self) -> None:
        self.should_exit = True
        self._ending.set()

    def _on_loop(self, action: Callable[[], None]) -> Callable[[], None]:
        """Return the action for use by other threads; it does nothing once the loop has ended."""
        loop = asyncio.get_running_loop()

        def call() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(action)

        return call


def _end_without_memory() -> None:
    """End the process where it would otherwise live on and silently fail every connection."""
    try:
        mmap.mmap(-1, _RESERVE).close()  # never written to, so it costs nothing
    except (OSError, MemoryError):
        os.write(2, b"error: The engine has run out of memory; choose a smaller context.\n")
        os._exit(1)


def _allow_connections() -> None:
    """Raise the limit of open files, and thus connections, as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _remove_if_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()


def _end_with_parent() -> None:
    # Not sys.stdin: its lock, held by a waiting thread, would break interpreter shutdown.
    while os.read(0, 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
