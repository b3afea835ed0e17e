"""Waiting for a running app as a person does: until it is seen, and not for ever."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from textual.css.query import NoMatches
from textual.pilot import Pilot

PATIENCE = 60.0
"""Seconds; what takes so long does not come."""
STEP = 0.02


class Watched(ABC):
    """Something on a running app's screen."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.pilot = pilot

    @property
    @abstractmethod
    def seen(self) -> str:
        """What it shows at this moment, for whoever waited in vain."""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; a widget that is still being made fulfils none."""
        for _ in range(int(PATIENCE / STEP)):
            with suppress(NoMatches):
                if condition():
                    return
            await self.pilot.pause(STEP)
        raise AssertionError(f"never came true; the screen shows:\n{self.seen}")
