"""Running a model in a child process, and noticing when it dies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from localqwq.models.launch import Launch
from localqwq.server.supervision.deaths import Death

Ready = TypeVar("Ready")
"""What a child is once it has loaded its model."""
_Ready = TypeVar("_Ready", covariant=True)


class Child(Protocol[_Ready]):
    """A process that loads a model."""

    @property
    def pid(self) -> int:
        """Its process id."""

    async def answer(self, on_progress: Callable[[float], None] | None = None) -> _Ready:
        """Wait until it is ready; raises ``LoadFailed`` if it ends instead."""

    async def death(self) -> Death:
        """Wait until it ends, and return how."""

    async def end(self) -> None:
        """End it, politely at first, and remove what belongs to it."""


class Supervisor(Generic[Ready]):
    """One child: starts, ends and restarts it, and tells when it dies by itself.

    The child ends when this process ends, however it ends.
    """

    def __init__(self, launch: Launch, spawn: Callable[[Launch], Awaitable[Child[Ready]]]) -> None:
        """Set up; ``spawn`` starts a child."""
        self.launch = launch
        """What the next child loads."""
        self._spawn = spawn
        self._child: Child[Ready] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._death: Death | None = None
        self._died = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The child's process id; ``None`` unless it is ready."""
        return None if self._child is None else self._child.pid

    async def start(self, on_progress: Callable[[float], None] | None = None) -> Ready:
        """Start the child and wait until it is ready.

        ``on_progress`` is called with the fraction of the model loaded, 0 to 1. Raises
        ``LoadFailed`` with the child's own sentence if it ends instead.
        """
        self._died.clear()
        child = await self._spawn(self.launch)
        try:
            ready = await child.answer(on_progress)
        except BaseException:
            await child.end()
            raise
        self._child = child
        self._watch = asyncio.create_task(self._await_death(child))
        return ready

    async def stop(self) -> None:
        """End the child, politely at first, leaving nothing behind. Harmless if none is running."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._child is not None:
            child, self._child = self._child, None
            await child.end()

    async def restart(self, on_progress: Callable[[float], None] | None = None) -> Ready:
        """End the child if it is running, and start a new one like :meth:`start`."""
        await self.stop()
        return await self.start(on_progress)

    async def died(self) -> Death:
        """Wait until a child ends unexpectedly."""
        await self._died.wait()
        assert self._death is not None
        return self._death

    async def _await_death(self, child: Child[Ready]) -> None:
        self._death = await child.death()
        self._died.set()
