"""A timer that rests: while nothing goes on, the app must not take a moment of the processor."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump


class Beat:
    """Calls something at regular intervals until it says that nothing goes on any more."""

    def __init__(self, host: MessagePump, seconds: float, work: Callable[[], bool]) -> None:
        """Begin at once.

        `work` returns whether it wants to be called again; `host` is what the timer ends with.
        """
        self._work = work
        self.is_resting = False
        """Whether it waits to be woken."""
        self._timer = host.set_interval(seconds, self._tick)

    def wake(self) -> None:
        """Something has changed, or is about to: go on."""
        self.is_resting = False
        self._timer.resume()

    def _tick(self) -> None:
        if not self._work():
            self.is_resting = True
            self._timer.pause()
