"""When a server process that died is started again, and with how much context."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from localqwq.server.deaths import Shortage

MOST = 5
"""So many deaths within ``PERIOD`` are the last."""
PERIOD = 300.0
"""Seconds."""
HEALTHY = 60.0
"""Seconds of life after which a death is a first one again."""
FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
"""Seconds before the next start; each further death doubles them."""
SHORTEST = 2048
"""Tokens; with less context a model that thinks is no use."""

TOO_OFTEN = f"That was the {MOST}th time within five minutes"
"""Why there is no further start."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The next life of a process."""

    wait: float
    """Seconds before it begins."""
    context: int
    """Its tokens of context."""
    before: int
    """Those of the life that ended."""

    @property
    def sentence(self) -> str:
        """For people: that it is started again, and what is changed."""
        if self.context == self.before:
            return "It is being started again."
        return (
            f"It is being started again with a context of {self.context:,} tokens instead of "
            f"{self.before:,}."
        )


class Restarts:
    """Waits longer after each death, asks for less memory where it was short, and gives up."""

    def __init__(self, context: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``context``: tokens of the first life; ``clock``: seconds."""
        self.context = context
        """Tokens of the next life."""
        self._clock = clock
        self._deaths: deque[float] = deque()
        self._answering: float | None = None
        self._wait = FIRST_WAIT
        self._suspected = False

    def answering(self) -> None:
        """The process answers from now on."""
        self._answering = self._clock()

    def died(self, shortage: Shortage) -> Restart | None:
        """What to do after a death; ``None``: nothing, it dies too often.

        A second death in a row that looks like a shortage of memory counts as one. A death that
        leads to a smaller context is not counted: that may have been all it needed, and it cannot
        happen often.
        """
        now = self._clock()
        if self._answering is not None and now - self._answering >= HEALTHY:
            self._wait, self._suspected = FIRST_WAIT, False
        self._answering = None
        before = self.context
        if shortage is Shortage.CERTAIN or (shortage is Shortage.LIKELY and self._suspected):
            self.context = max(min(before, SHORTEST), before // 2)
        self._suspected = shortage is Shortage.LIKELY
        if self.context == before and self._too_often(now):
            return None
        wait, self._wait = self._wait, min(LONGEST_WAIT, 2 * self._wait)
        return Restart(wait, self.context, before)

    def _too_often(self, now: float) -> bool:
        self._deaths.append(now)
        while now - self._deaths[0] >= PERIOD:
            self._deaths.popleft()
        return len(self._deaths) >= MOST
