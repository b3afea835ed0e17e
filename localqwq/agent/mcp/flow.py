"""How much a server may send."""

import time
from collections.abc import Callable

LARGEST = 16 * 1024 * 1024
"""Bytes of a message."""
_SECONDS = 10.0


class Flood(Exception):
    """A server sends more than anyone can use; the message is a sentence."""


class Flow:
    """Counts what a server sends: as much as the largest message in ten seconds is allowed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up; ``clock`` returns seconds."""
        self._clock = clock
        self._since = clock()
        self._taken = 0

    def take(self, count: int) -> None:
        """Count bytes. Raises :class:`Flood` if they are too many."""
        now = self._clock()
        if now - self._since > _SECONDS:
            self._since, self._taken = now, 0
        self._taken += count
        if self._taken > LARGEST:
            raise Flood(f"It sent more than {LARGEST // 1024 // 1024} MiB at once.")
