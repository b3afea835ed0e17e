"""A server as a child process: starting, listening to, and ending it."""

import asyncio
import sys
from collections.abc import Callable
from typing import Self

from localqwq import children
from localqwq.endpoint import Endpoint
from localqwq.locations import cache_directory
from localqwq.models.launch import Launch
from localqwq.server.loading_lines import LOADING
from localqwq.server.supervision.addresses import PrivateAddress
from localqwq.server.supervision.deaths import Death
from localqwq.server.supervision.log import open_log
from localqwq.server.supervision.watched import Watched, spawn

ANNOUNCEMENT = "listening on "
"""Prefix of the server's line on stdout when it is ready."""

_PATIENCE = 20.0
"""Seconds for it to end before it is killed; its engine gets a part of them."""


class ServerChild:
    """A server process at a private address, with its log."""

    def __init__(self, process: asyncio.subprocess.Process, address: PrivateAddress) -> None:
        self._stdout = process.stdout
        self._address = address
        self._watched = Watched(process, open_log(cache_directory(), process.pid), _PATIENCE)
        self._drain: asyncio.Task[None] | None = None

    @classmethod
    async def spawn(cls, launch: Launch) -> Self:
        """Start a process for ``launch``; it is loading the model when this returns."""
        address = PrivateAddress.new()
        command = [sys.executable, "-P", "-m", children.Child.SERVER, "--parent-pipe"]
        command += ["--uds", str(address.socket), launch.as_json()]
        try:
            return cls(await spawn(command, reads=True), address)
        except BaseException:
            address.remove()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._watched.pid

    async def answer(self, on_progress: Callable[[float], None] | None = None) -> Endpoint:
        """Wait until the process is ready, and return its endpoint.

        ``on_progress`` is called with the fraction of the model loaded, 0 to 1. Raises
        ``LoadFailed`` if the process ends instead.
        """
        assert self._stdout is not None
        while line := (await self._stdout.readline()).decode(errors="replace"):
            if line.startswith(ANNOUNCEMENT):
                self._drain = asyncio.create_task(_discard(self._stdout))
                return self._address.endpoint
            if line.startswith(LOADING) and on_progress is not None:
                on_progress(int(line.removeprefix(LOADING).strip(" %\n")) / 100)
        raise await self._watched.load_failure()

    async def death(self) -> Death:
        """Wait until the process ends, and return how."""
        return await self._watched.death()

    async def end(self) -> None:
        """End the process, and remove its address."""
        try:
            await self._watched.end()
        finally:
            if self._drain is not None:
                self._drain.cancel()
            self._address.remove()


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass
