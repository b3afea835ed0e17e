"""A server that outlives its engine: requests fail with the reason, and a new one is started."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable

from localqwq.errors import LocalqwqError
from localqwq.locations import cache_directory
from localqwq.server.door import Door, ServerOptions, run_door
from localqwq.server.supervision.deaths import Death, LoadFailed
from localqwq.server.supervision.log import BoundedLog, open_log
from localqwq.server.supervision.restarts import TOO_OFTEN, Restarts
from localqwq.server.supervision.revival import revival
from localqwq.server.supervision.step_down import lesser, start_with_less


def run_service(options: ServerOptions, on_progress: Callable[[float], None]) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code.

    ``on_progress`` is called with the fraction of the model loaded for the first time, 0 to 1.
    Raises ``LocalqwqError`` if it cannot listen on the address, the model cannot be loaded, or the
    engine dies too often.
    """

    async def keep(door: Door) -> None:
        def progressed(part: float) -> None:
            door.progressed(part)
            on_progress(part)

        restarts = Restarts()
        door.open(await start_with_less(door.supervisor, _say, progressed))
        while True:
            restarts.answering()
            death = await door.supervisor.died()
            await _revive(door, restarts, death)
            _say("The engine answers again.")

    logging.getLogger().addHandler(_DoorLog())
    return run_door(options, keep, lambda pid: open_log(cache_directory(), pid))


async def _revive(door: Door, restarts: Restarts, death: Death) -> None:
    """Restart the child until it is ready; raises ``LocalqwqError`` when that is pointless."""
    supervisor = door.supervisor

    async def take_less(death: Death) -> str | None:
        less = await asyncio.to_thread(lesser, supervisor.launch, death)
        if less is None:
            return None
        supervisor.launch = less.launch
        return less.change

    while True:
        door.shut()
        again = await revival(restarts, death, take_less)
        if again is None:
            raise LocalqwqError(f"{death.sentence} {TOO_OFTEN}, so the server ends.")
        _say(again.sentence)
        await asyncio.sleep(again.wait)
        try:
            door.open(await supervisor.restart(door.progressed))
        except LoadFailed as failure:
            if failure.death is None:
                raise
            death = failure.death
        else:
            return


class _DoorLog(logging.Handler):
    """Keeps what libraries report about this process in a log of its own, made at the first of it;
    the terminal is for sentences.
    """

    _log: BoundedLog | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and the traceback if there is one."""
        if self._log is None:
            self._log = open_log(cache_directory(), os.getpid())
        self._log.write(f"{self.format(record)}\n".encode(errors="replace"))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
