"""How often growing content is drawn, leaving the processor to the engine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

REDRAW_SECONDS = 0.1
"""Text arriving within this time is drawn together."""
EARLY_SECONDS = REDRAW_SECONDS / 8
"""Seconds that a periodic check may be early."""
SHARE = 0.03
"""Fraction of one processor that the app may use while something grows."""
LONGEST_SECONDS = 0.5
"""Maximum seconds between arrival and drawing."""


class Pace:
    """Decides when to draw again: the more processor time was used, the later.

    All work of the app's thread counts: a drawing's cost does not end when it is on the screen,
    since the view follows it, and each token costs, too. Processor time is used because wall time
    means little on a busy machine.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.thread_time,
    ) -> None:
        """Set up; ``used`` returns processor seconds."""
        self._clock = clock
        self._used = used
        self._began = -math.inf
        self._before = 0.0
        self._is_drawing = False

    @property
    def is_due(self) -> bool:
        """Return whether to draw now."""
        if self._is_drawing:
            return False
        fair = (self._used() - self._before) / SHARE
        wait = min(max(fair, REDRAW_SECONDS), LONGEST_SECONDS)
        return self._clock() - self._began >= wait - EARLY_SECONDS

    def begin(self) -> None:
        """Note that drawing begins; nothing more is due until it is on the screen."""
        self._began, self._before, self._is_drawing = self._clock(), self._used(), True

    def end(self) -> None:
        """Note that the drawing is on the screen."""
        self._is_drawing = False
