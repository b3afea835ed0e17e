"""A server that ends with its engine, and in the same way, for the process that started it."""

import os
import resource
import signal
from typing import NoReturn

from localqwq.errors import LocalqwqError
from localqwq.server.door import Door, ServerOptions, run_door
from localqwq.server.supervision.deaths import Death, LoadFailed
from localqwq.server.supervision.watched import Relay


class EngineDied(LocalqwqError):
    """The engine of the server ended by itself."""

    def __init__(self, death: Death) -> None:
        super().__init__(death.sentence)
        self.death = death


def run_server(options: ServerOptions) -> int:
    """Serve until SIGINT or SIGTERM, even during loading, and return the exit code.

    Raises ``LocalqwqError`` if it cannot listen on the address, or with the engine's own sentence
    about its end; an end without one ends this process like the engine.
    """
    try:
        return run_door(options, _once, lambda _: Relay())
    except (LoadFailed, EngineDied) as failure:
        if failure.death is None or failure.death.status is None:
            raise
        status = failure.death.status
        if status < 0:
            _die(-status)
        return status


async def _once(door: Door) -> None:
    door.open(await door.supervisor.start(door.progressed))
    raise EngineDied(await door.supervisor.died())


def _die(number: int) -> NoReturn:
    """End by a signal, without a core file: the engine may have left one."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # where the signal is blocked
