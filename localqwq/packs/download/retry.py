"""How long to wait before retrying a server, and when to give up."""

import re
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_S, LONGEST_S = 1.0, 60.0
ATTEMPTS = 7
"""Consecutive attempts without a single byte: about two minutes."""
LONGEST_WISH_S = 600.0
"""Seconds; a server that asks for a longer pause is given up on."""
CUTS, CUTS_S = 20, 60.0
"""After this many broken connections in this many seconds, wait before the next one."""
_RESET = re.compile(r"(?:^|[;,])\s*t=(\d{1,6})(?=$|[;,])")
_REMAINING = re.compile(r"(?:^|[;,])\s*r=(\d{1,9})(?=$|[;,])")


class Patience:
    """Delays that double until data arrives."""

    def __init__(
        self, attempts: int = ATTEMPTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._attempts = attempts
        self._clock = clock
        self._failures = 0
        self._progressed = True
        self._cuts: deque[float] = deque()
        """When connections that had delivered data broke."""

    def progress(self) -> None:
        """Reset the delay: data has arrived."""
        self._failures = 0
        self._progressed = True

    def delay(self, wish: float | None) -> float | None:
        """Return the seconds to wait after a failure, by the server's wish if it has one.

        A connection that breaks after it has brought something is made again at once, unless that
        happens all the time.
        """
        if wish is not None and wish > LONGEST_WISH_S:
            return None
        own = self._after_cut() if self._progressed else FIRST_S * 2 ** (self._failures - 1)
        self._progressed = False
        self._failures += 1
        if self._failures >= self._attempts:
            return None
        return min(own, LONGEST_S) if wish is None else wish

    def _after_cut(self) -> float:
        now = self._clock()
        self._cuts.append(now)
        while self._cuts[0] < now - CUTS_S:
            self._cuts.popleft()
        many = len(self._cuts) - CUTS
        return FIRST_S * 2 ** min(many // 2, 6) if many >= 0 else 0.0


def wished_delay(retry_after: str | None, rate_limit: str | None) -> float | None:
    """Return how many seconds a server asks to wait, if it does.

    Args:
        retry_after: the header ``Retry-After``, a number or a date (RFC 9110, 10.2.3).
        rate_limit: the header ``RateLimit``, used if nothing is left: ``"api";r=0;t=55``.
    """
    if retry_after is not None:
        return _retry_after(retry_after.strip())
    remaining, reset = _REMAINING.search(rate_limit or ""), _RESET.search(rate_limit or "")
    if reset is None or (remaining is not None and int(remaining[1])):
        return None
    return float(reset[1])


def _retry_after(value: str) -> float | None:
    if value.isdecimal() and len(value) < 9:
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
