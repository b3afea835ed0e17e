"""The engine's process: ``python -m localqwq.server.engine --fd N``.

It loads the model that it is told to, answers on the socket, and ends when the other end of the
socket does.
"""

import argparse
import asyncio
import contextlib
import gc
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from localqwq import children
from localqwq.engine.engine import Engine
from localqwq.engine.llama.library import binding
from localqwq.engine.probing.devices import describe
from localqwq.errors import LocalqwqError
from localqwq.server.engine.frames import Frames, Sender, framed, read_message
from localqwq.server.engine.loader import Loader
from localqwq.server.engine.messages import (
    Described,
    Load,
    Progress,
    Up,
    from_bytes,
    to_bytes,
    to_down,
)
from localqwq.server.engine.serving import Serving
from localqwq.server.engine.worker import Worker

if TYPE_CHECKING:
    from localqwq.server.engine.embedding_serving import EmbeddingServing

_PATIENCE = 2.0
"""Seconds for the engine to reach its next token when it ends."""
_TICK_SECONDS = 1.0
"""Seconds between two looks at the memory, while messages arrive."""
_STEP = 0.01
"""The least progress of a load that is worth a message."""
_RESERVE = 16 << 20
"""Bytes that a process must be able to allocate: a request needs them for threads alone."""


class EngineProcess:
    """One load, what it serves, and its end."""

    def __init__(self, load: Load, end: socket.socket) -> None:
        """Set up; used on one event loop."""
        self._end_of_pair = end
        self._sender = Sender(end)
        self._queue = load.queue
        self._loop = asyncio.get_running_loop()
        # A thread for each request, so that none waits while others' long prompts are prepared.
        threads = load.queue + load.model.options.parallel
        self._loop.set_default_executor(ThreadPoolExecutor(threads, "prepare"))
        self._loader = Loader(load.model, self._progressed)
        self._told = -1.0
        self._frames = Frames(self._received, self._end)
        self._worker: Worker | EmbeddingServing | None = None
        self._serving: Serving | EmbeddingServing | None = None
        self._over = asyncio.Event()
        self._stirred = asyncio.Event()
        """Set by a message, and at the end."""

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
        while not self._over.is_set():
            _end_without_memory()
            await self._stirred.wait()
            self._stirred.clear()
            _end_without_memory()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), _TICK_SECONDS)

    def _received(self, data: bytes) -> None:
        self._stirred.set()
        message = to_down(from_bytes(data))
        if self._serving is not None:
            self._serving.received(message)

    def _send(self, message: Up) -> None:
        self._sender.send(to_bytes(message))

    def _progressed(self, part: float) -> None:
        """Tell how far the load is; llama.cpp says it for each tensor."""
        if part - self._told >= _STEP or part == 1.0 != self._told:
            self._told = part
            self._send(Progress(part))

    def _loaded(self) -> None:
        engine = self._loader.engine
        if engine is None or self._over.is_set():
            self._end()
            return
        if not isinstance(engine, Engine):
            from localqwq.server.engine.embedding_serving import EmbeddingServing

            self._worker = self._serving = EmbeddingServing(engine, self._send, self._queue)
            return
        self._worker = Worker(
            engine,
            lambda: self._call(self._end),
            most_waiting=self._queue,
            together=self._sender.together,
        )
        self._serving = Serving(self._worker, self._send)

    def _end(self) -> None:
        self._over.set()
        self._stirred.set()

    def _call(self, action: Callable[..., None], *arguments: object) -> None:
        """Call it on the loop, from another thread; nothing happens once the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action, *arguments)


def main() -> int:
    """Serve as the command line says; return 1 after one ``error:`` line if that fails."""
    gc.freeze()  # what is imported stays, and is no garbage to look for, not even at the end
    arguments = _parser().parse_args()
    children.wake_with_parent()
    # Whoever started this process is planning meanwhile.
    with contextlib.suppress(LocalqwqError):  # the load says it
        binding()
    try:
        with socket.socket(fileno=arguments.fd) as end:
            end.set_inheritable(False)
            if (load := _wait_for_load(end)) is None:
                return 0
            return asyncio.run(_serve(load, end))
    except LocalqwqError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _wait_for_load(end: socket.socket) -> Load | None:
    """Describe the devices until there is a model to load; ``None``: the other end is gone."""
    while True:
        try:
            message = to_down(from_bytes(read_message(end)))
        except (EOFError, OSError):
            return None
        if isinstance(message, Load):
            return message
        end.sendall(framed(to_bytes(Described(describe()))))


async def _serve(load: Load, end: socket.socket) -> int:
    process = EngineProcess(load, end)
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
        prog="python -m localqwq.server.engine", description="Load a model for another process."
    )
    parser.add_argument("--fd", type=int, required=True, metavar="N", help="the open socket")
    return parser


if __name__ == "__main__":
    sys.exit(main())
