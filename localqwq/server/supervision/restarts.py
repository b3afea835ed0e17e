"""When to restart a server process that died, and whether with less."""

import time
from collections import deque
from collections.abc import Callable

from localqwq.server.supervision.deaths import Shortage

MOST = 5
"""Maximum deaths within ``PERIOD``."""
PERIOD = 300.0
"""Seconds."""
HEALTHY = 60.0
"""Seconds of life after which the next death counts as a first one."""
FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
"""Seconds before the next start; each further death doubles them."""

TOO_OFTEN = f"That was the {MOST}th time within five minutes"
"""Why there is no further start."""


def restart_sentence(change: str | None) -> str:
    """Return the sentence that it is restarted, and what is changed, if anything."""
    return f"It is being started again {change}." if change else "It is being started again."


class Restarts:
    """Waits longer after each death, reacts to a lack of memory, and gives up in the end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up; ``clock`` returns seconds."""
        self._clock = clock
        self._deaths: deque[float] = deque()
        self._answering: float | None = None
        self._wait = FIRST_WAIT
        self._suspected = False

    def answering(self) -> None:
        """Note that the process is ready."""
        self._answering = self._clock()

    def died(self, shortage: Shortage, *, lost_server: bool = False) -> bool:
        """Record a death; return whether to plan the next run again.

        A second consecutive death that looks like a shortage counts as one; after the loss of an
        RPC server there is less to plan with. Call :meth:`wait` next.
        """
        now = self._clock()
        if self._answering is not None and now - self._answering >= HEALTHY:
            self._wait, self._suspected = FIRST_WAIT, False
        self._answering = None
        blamed = shortage is Shortage.CERTAIN or (shortage is Shortage.LIKELY and self._suspected)
        self._suspected = shortage is Shortage.LIKELY
        return blamed or lost_server

    def wait(self, *, changed: bool) -> float | None:
        """Return the seconds before the next run; ``None`` if it dies too often.

        A death after which something is ``changed`` is not counted: the change may be enough, and
        there is only so much to give up.
        """
        if not changed and self._too_often(self._clock()):
            return None
        wait, self._wait = self._wait, min(LONGEST_WAIT, 2 * self._wait)
        return wait

    def _too_often(self, now: float) -> bool:
        self._deaths.append(now)
        while now - self._deaths[0] >= PERIOD:
            self._deaths.popleft()
        return len(self._deaths) >= MOST
