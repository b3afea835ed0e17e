"""The engine's process: ``python -m localqwq.server.engine --fd N JSON``.

It loads the model, answers on the socket, and ends when the other end of the socket does.
"""

import argparse
import asyncio
import contextlib
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable

from localqwq import children
from localqwq.engine.embedder import Embedder
from localqwq.errors import LocalqwqError
from localqwq.models.launch import Launch
from localqwq.server.engine.embedding_serving import EmbeddingServing
from localqwq.server.engine.frames import Frames, Sender
from localqwq.server.engine.loader import Loader
from localqwq.server.engine.messages import (
    MAX_WAITING,
    Progress,
    Up,
    from_bytes,
    to_bytes,
    to_down,
)
from localqwq.server.engine.serving import Serving
from localqwq.server.engine.worker import Worker

_PATIENCE = 2.0
"""Seconds for the engine to reach its next token when it ends."""
_TICK_SECONDS, _IDLE_TICK_SECONDS = 1.0, 5.0
"""Seconds between two looks at the memory, while messages arrive and while none do."""
_RESERVE = 16 << 20
"""Bytes that a process must be able to allocate: a request needs them for threads alone."""


class EngineProcess:
    """One load, what it serves, and its end."""

    def __init__(self, launch: Launch, queue: int, end: socket.socket) -> None:
        """Set up; ``queue``: generations that may wait for a slot. Used on one event loop."""
        self._end_of_pair = end
        self._sender = Sender(end)
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._loader = Loader(launch, lambda part: self._send(Progress(part)))
        self._frames = Frames(self._received, self._end)
        self._worker: Worker | EmbeddingServing | None = None
        self._serving: Serving | EmbeddingServing | None = None
        self._messages = 0
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve until the other end is closed or a signal arrives.

        Raises :class:`LocalqwqError` if the model cannot be loaded, or the engine fails.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._end)
        await self._loop.create_connection(lambda: self._frames, sock=self._end_of_pair)
        self._loader.start(lambda: self._call(self._loaded))
        await self._until_over()
        if self._loader.failure is not None:
            raise self._loader.failure
        if self._worker is not None and self._worker.failure is not None:
            raise LocalqwqError(self._worker.failure)
        if self._worker is not None:
            self._worker.stop()

    def close(self) -> bool:
        """Free the engine; return False if it is loading or busy, and cannot be freed now."""
        engine, worker = self._loader.engine, self._worker
        if engine is None or (worker is not None and not worker.join(_PATIENCE)):
            return False
        engine.close()
        return True

    async def _until_over(self) -> None:
        known = -1
        while not self._over.is_set():
            _end_without_memory()
            is_idle, known = self._messages == known, self._messages
            with contextlib.suppress(TimeoutError):
                seconds = _IDLE_TICK_SECONDS if is_idle else _TICK_SECONDS
                await asyncio.wait_for(self._over.wait(), seconds)

    def _received(self, data: bytes) -> None:
        self._messages += 1
        message = to_down(from_bytes(data))
        if self._serving is not None:
            self._serving.received(message)

    def _send(self, message: Up) -> None:
        self._sender.send(to_bytes(message))

    def _loaded(self) -> None:
        engine = self._loader.engine
        if engine is None or self._over.is_set():
            self._end()
            return
        if isinstance(engine, Embedder):
            self._worker = self._serving = EmbeddingServing(engine, self._send, self._queue)
            return
        self._worker = Worker(engine, lambda: self._call(self._end), most_waiting=self._queue)
        self._serving = Serving(self._worker, self._send)

    def _end(self) -> None:
        self._over.set()

    def _call(self, action: Callable[..., None], *arguments: object) -> None:
        """Call it on the loop, from another thread; nothing happens once the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action, *arguments)


def main() -> int:
    """Serve as the command line says; return 1 after one ``error:`` line if that fails."""
    arguments = _parser().parse_args()
    children.wake_with_parent()
    try:
        launch = Launch.from_json(arguments.launch)
        with socket.socket(fileno=arguments.fd) as end:
            end.set_inheritable(False)
            return asyncio.run(_serve(launch, arguments.queue, end))
    except LocalqwqError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


async def _serve(launch: Launch, queue: int, end: socket.socket) -> int:
    process = EngineProcess(launch, queue, end)
    try:
        await process.run()
    finally:
        closed = await asyncio.to_thread(process.close)
    if not closed:
        os._exit(0)
    return 0


def _end_without_memory() -> None:
    """End the process where it would otherwise live on and silently fail every request."""
    try:
        mmap.mmap(-1, _RESERVE).close()  # never written to, so it costs nothing
    except (OSError, MemoryError):
        os.write(2, b"error: The engine has run out of memory; choose a smaller context.\n")
        os._exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localqwq.server.engine", description="Load a model for a server."
    )
    parser.add_argument("launch", metavar="JSON", help="see localqwq.models.launch")
    parser.add_argument("--fd", type=int, required=True, metavar="N", help="the open socket")
    parser.add_argument("--queue", type=int, default=MAX_WAITING, metavar="N")
    return parser


if __name__ == "__main__":
    sys.exit(main())
