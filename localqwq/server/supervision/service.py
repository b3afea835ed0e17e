"""A server that outlives its engines: requests fail with the reason, and a new one is started."""

import logging
import os
from collections.abc import Callable

from localqwq.locations import cache_directory
from localqwq.server.door import ServerOptions, run_door
from localqwq.server.pool.keeping import keep_revived
from localqwq.server.supervision.log import BoundedLog, open_log


def run_service(options: ServerOptions, on_progress: Callable[[float], None]) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code.

    ``on_progress`` is called with the fraction of the only model loaded for the first time, 0 to 1.
    Raises ``LocalqwqError`` if it cannot listen on the address, or if the only model cannot be
    loaded, or its engine dies too often.
    """

    logging.getLogger().addHandler(_DoorLog())
    return run_door(
        options, keep_revived, lambda pid: open_log(cache_directory(), pid), on_progress
    )


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
