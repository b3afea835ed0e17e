"""Writing finished turns to disk while nobody asks, so that even a killed engine loses little.

Only tokens that are not on disk yet are written, a piece at a time: a request waits at most for the
piece that is being copied from the cache. Another thread writes the files.
"""

from time import monotonic

from localqwq.engine.sequences import Sequences
from localqwq.engine.states.store import StateStore

_WRITE_S = 0.02
"""Seconds until a piece that is being written is looked at again."""


class WriteBehind:
    """When to write, and what is written next."""

    def __init__(self, states: StateStore | None) -> None:
        """Set up; without ``states`` on disk nothing is ever written."""
        self._states = states if states is not None and states.persistent else None
        self._at: float | None = None
        """When there is something to write, by the clock; ``None``: all is written."""
        self._failures = 0
        """Failed writes before the last request; more of them end the writing until the next."""

    def postpone(self) -> None:
        """Note that a request is being answered: its turn is written after some quiet."""
        if self._states is not None:
            self._at = monotonic() + self._states.quiet_s
            self._failures = self._states.failures

    @property
    def pause(self) -> float | None:
        """Seconds until the next :meth:`step`; ``None`` if there is nothing to write."""
        if self._at is None or self._states is None:
            return None
        return max(self._at - monotonic(), _WRITE_S if self._states.busy else 0.0)

    def step(self, sequences: Sequences) -> None:
        """Start writing one piece, if it is time."""
        if self._states is None or self.pause != 0.0:
            return
        failed = self._states.failures > self._failures
        if failed or not (sequences.write_next() or self._states.write_next_in_ram()):
            self._at = None

    def finish(self, sequences: Sequences) -> None:
        """Write everything worthwhile now, within the limits."""
        states = self._states
        if states is None:
            return
        states.wait()
        failures = states.failures
        while states.failures == failures and sequences.write_next():
            states.wait()
        states.flush()
