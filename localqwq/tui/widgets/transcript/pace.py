"""How often something that grows is drawn: the processor is the engine's."""

from __future__ import annotations

import math
import time

REDRAW_SECONDS = 0.1
"""What comes within this time is drawn together."""
SHARE = 0.1
"""The part of one processor that drawing may take."""


class Pace:
    """Says when to draw again: the later the more processor time the last drawing took.

    Processor time, since on a busy machine the clock says little of what a drawing costs.
    """

    def __init__(self) -> None:
        self._begun = 0.0
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether to draw now."""
        return time.monotonic() >= self._due

    def begin(self) -> None:
        """It is being drawn; nothing more until that is on the screen."""
        self._begun, self._due = time.thread_time(), math.inf

    def end(self) -> None:
        """It is on the screen."""
        took = time.thread_time() - self._begun
        self._due = time.monotonic() + max(took / SHARE - REDRAW_SECONDS, 0)
