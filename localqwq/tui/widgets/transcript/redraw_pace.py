"""How often something that grows is drawn: the processor is the engine's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

REDRAW_SECONDS = 0.1
"""What comes within this time is drawn together."""
EARLY_SECONDS = REDRAW_SECONDS / 8
"""Who asks now and then whether it is time need not come back for so little."""
SHARE = 0.03
"""The part of one processor that the app may take while something grows."""
LONGEST_SECONDS = 0.5
"""Nobody waits longer for what has come, whatever it costs."""


class Pace:
    """Says when to draw again: the later the more processor time has gone by since the last time.

    All that the app's thread does counts: what a drawing costs is not over when it is on the
    screen, since the view follows it, and each token costs, too. It is processor time, since on
    a busy machine the clock says little of it.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.thread_time,
    ) -> None:
        """`used`: seconds of the processor."""
        self._clock = clock
        self._used = used
        self._began = -math.inf
        self._before = 0.0
        self._is_drawing = False

    @property
    def is_due(self) -> bool:
        """Whether to draw now."""
        if self._is_drawing:
            return False
        fair = (self._used() - self._before) / SHARE
        wait = min(max(fair, REDRAW_SECONDS), LONGEST_SECONDS)
        return self._clock() - self._began >= wait - EARLY_SECONDS

    def begin(self) -> None:
        """It is being drawn; nothing more until that is on the screen."""
        self._began, self._before, self._is_drawing = self._clock(), self._used(), True

    def end(self) -> None:
        """It is on the screen."""
        self._is_drawing = False
