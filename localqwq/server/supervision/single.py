"""A server that ends with its engine, and in the same way, for the process that started it."""

import os
import resource
import signal
from typing import NoReturn

from localqwq.server.door import ServerOptions, run_door
from localqwq.server.pool.keeping import EngineDied, keep_once
from localqwq.server.supervision.deaths import LoadFailed
from localqwq.server.supervision.watched import Relay


def run_server(options: ServerOptions) -> int:
    """Serve until SIGINT or SIGTERM, even during loading, and return the exit code.

    Raises ``LocalqwqError`` if it cannot listen on the address, or with the engine's own sentence
    about its end; an end without one ends this process like the engine.
    """
    try:
        return run_door(options, keep_once, lambda _: Relay())
    except (LoadFailed, EngineDied) as failure:
        if failure.death is None or failure.death.status is None:
            raise
        status = failure.death.status
        if status < 0:
            _die(-status)
        return status


def _die(number: int) -> NoReturn:
    """End by a signal, without a core file: the engine may have left one."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # where the signal is blocked
