"""A timer that rests: while nothing happens, the app uses no processor time."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump


class Beat:
    """Calls something at regular intervals until there is nothing more to do."""

    def __init__(self, host: MessagePump, seconds: float, work: Callable[[], bool]) -> None:
        """Start at once.

        ``work`` returns whether it wants to be called again; the timer ends with ``host``.
        """
        self._work = work
        self.is_resting = False
        """Whether it waits to be woken."""
        self._timer = host.set_interval(seconds, self._tick)

    def wake(self) -> None:
        """Resume, because something has changed or is about to."""
        self.is_resting = False
        self._timer.resume()

    def _tick(self) -> None:
        if not self._work():
            self.is_resting = True
            self._timer.pause()
