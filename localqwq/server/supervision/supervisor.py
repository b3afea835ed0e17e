"""Running the server as a child process, and noticing when it dies."""

import asyncio
from collections.abc import Callable

from localqwq.endpoint import Endpoint
from localqwq.models.launch import Launch
from localqwq.server.supervision.addresses import Binder, private_address
from localqwq.server.supervision.child import Child
from localqwq.server.supervision.deaths import Death


class Supervisor:
    """One server child: starts, ends and restarts it, and tells when it dies by itself.

    The child ends when this process ends, however it ends.
    """

    def __init__(self, launch: Launch, bind: Binder = private_address) -> None:
        """Set up; ``bind`` gives each child its address, by default a private one."""
        self.launch = launch
        """What the next child loads."""
        self._bind = bind
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self._death: Death | None = None
        self._died = asyncio.Event()

    async def start(self, on_progress: Callable[[float], None] | None = None) -> Endpoint:
        """Start the child and wait until it is ready.

        ``on_progress`` is called with the fraction of the model loaded, 0 to 1. Raises
        ``LoadFailed`` with the child's own sentence if it ends instead.
        """
        self._died.clear()
        child = await Child.spawn(self.launch, self._bind())
        try:
            endpoint = await child.answer(on_progress)
        except BaseException:
            await child.end()
            raise
        self._child = child
        self._watch = asyncio.create_task(self._await_death(child))
        return endpoint

    async def stop(self) -> None:
        """End the child, politely at first, leaving nothing behind. Harmless if none is running."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._child is not None:
            child, self._child = self._child, None
            await child.end()

    async def restart(self, on_progress: Callable[[float], None] | None = None) -> Endpoint:
        """End the child if it is running, and start a new one like :meth:`start`."""
        await self.stop()
        return await self.start(on_progress)

    async def died(self) -> Death:
        """Wait until a child ends unexpectedly."""
        await self._died.wait()
        assert self._death is not None
        return self._death

    async def _await_death(self, child: Child) -> None:
        self._death = await child.death()
        self._died.set()
