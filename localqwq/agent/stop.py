"""Ending what runs in other threads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stop:
    """A flag that is set once; whoever does something lengthy is told at that moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._told: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        """Whether it was set."""
        return self._event.is_set()

    def set(self) -> None:
        """Set the flag and call everything registered by :meth:`calling`."""
        with self._lock:
            self._event.set()
            told, self._told = self._told, []
        for call in told:
            call()

    def wait(self, seconds: float) -> bool:
        """Wait up to ``seconds``; return whether the flag is set."""
        return self._event.wait(seconds)

    @contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Call ``call`` once, in any thread, if the flag is or becomes set within the block."""
        with self._lock:
            is_set = self._event.is_set()
            if not is_set:
                self._told.append(call)
        if is_set:
            call()
        try:
            yield
        finally:
            with self._lock:
                if call in self._told:
                    self._told.remove(call)
