"""An engine as a child process: starting, talking to, and ending it."""

import asyncio
from collections.abc import Callable
from typing import Self

from localqwq.models.launch import Launch
from localqwq.server.engine.frames import Frames
from localqwq.server.engine.messages import (
    Described,
    Down,
    Load,
    Progress,
    Served,
    from_bytes,
    to_bytes,
    to_up,
)
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.counts import Counts
from localqwq.server.http.errors import EngineLost
from localqwq.server.supervision.deaths import Death
from localqwq.server.supervision.waiting import WaitingEngine, waiting_engine
from localqwq.server.supervision.watched import Log, Watched

_PATIENCE = 15.0
"""Seconds for it to end before it is killed; it may have to write gigabytes of conversations to
disk.
"""


class EngineChild:
    """An engine's process, the socket to it, and its log."""

    def __init__(self, waiting: WaitingEngine, log: Log, counts: Counts) -> None:
        self._watched = Watched(waiting.process, log, _PATIENCE)
        self._counts = counts
        self._frames = Frames(self._received, self._lost)
        self._on_progress: Callable[[float], None] | None = None
        self._settled = asyncio.Event()
        self._engine: RemoteEngine | None = None

    @classmethod
    async def spawn(
        cls, launch: Launch, queue: int, log: Callable[[int], Log], counts: Counts
    ) -> Self:
        """Start a process for ``launch``, or take the one that waits for it.

        It is loading the model when this returns. ``queue``: generations that may wait for a slot;
        ``log``: makes the log for a process id; ``counts``: kept up to date.
        """
        load = Load(launch.engine_load, queue)
        if (waiting := waiting_engine.take(load)) is None:
            waiting = WaitingEngine()
            waiting.load(load)
        child = cls(waiting, log(waiting.process.pid), counts)
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: child._frames, sock=waiting.socket)
        except BaseException:
            waiting.socket.close()
            await child.end()
            raise
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._watched.pid

    async def answer(self, on_progress: Callable[[float], None] | None = None) -> RemoteEngine:
        """Wait until the model is loaded, and return the engine.

        ``on_progress`` is called with the fraction loaded, 0 to 1. Raises ``LoadFailed`` if the
        process ends instead.
        """
        self._on_progress = on_progress
        await self._settled.wait()
        if self._engine is None:
            raise await self._watched.load_failure()
        return self._engine

    async def death(self) -> Death:
        """Wait until the process ends, and return how; whatever is open fails by then."""
        death = await self._watched.death()
        if self._engine is not None:
            self._engine.end(EngineLost(death.sentence))
        return death

    async def end(self) -> None:
        """End the process."""
        self._frames.close()
        await self._watched.end()

    def _received(self, data: bytes) -> None:
        message = to_up(from_bytes(data))
        if self._engine is not None:
            self._engine.received(message)
            return
        match message:
            case Progress():
                if self._on_progress is not None:
                    self._on_progress(message.part)
            case Served():
                self._engine = RemoteEngine(message, self._send, self._counts)
                self._settled.set()
            case Described():
                pass  # whoever asked for it did not wait

    def _send(self, message: Down) -> None:
        self._frames.send(to_bytes(message))

    def _lost(self) -> None:
        self._settled.set()
