"""Progress reports of a download."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

Stage = Literal["asking", "waiting", "checking", "downloading", "repairing", "installing"]
"""``asking`` a source for its files; ``waiting`` for another process doing the same; ``checking``
existing data; ``downloading``; ``repairing`` wrong bytes; ``installing``.
"""

_EVERY_S = 0.1
_WINDOW_S = 5.0
"""Seconds over which the rate is measured."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a pull."""

    stage: Stage
    spec: str
    """The model being pulled: ``name:QUANT`` once that is known."""
    source: str = ""
    """The source, such as ``Hugging Face``."""
    done: int = 0
    """Bytes present, of all files together."""
    total: int = 0
    """Bytes of all files; 0 while unknown."""
    before: int = 0
    """Bytes that were present when this pull began."""
    rate: float = 0.0
    """Bytes per second."""
    note: str = ""
    """The latest remark in one sentence: why it is slow, why the source changed."""
    at: float = field(default_factory=time.monotonic, compare=False)
    """The time of this report, by ``time.monotonic``."""

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds left at the current rate; ``None`` without a rate."""
        return (self.total - self.done) / self.rate if self.rate and self.total else None


class Meter:
    """Count bytes and report progress, at most ten times a second."""

    def __init__(self, spec: str, on_progress: Callable[[Progress], None] | None) -> None:
        self._progress = Progress("asking", spec)
        self._on_progress = on_progress
        self._next = 0.0
        self._window: deque[tuple[float, int]] = deque()
        self.fetched = 0
        """Bytes received, whether or not they were kept."""
        self._tell()

    def begin(self, spec: str, source: str, total: int) -> None:
        """Start counting: the files are known, and none of them is there yet."""
        self._progress = Progress("checking", spec, source, total=total, note=self._progress.note)
        self._window.clear()
        self._tell()

    def stage(self, stage: Stage) -> None:
        """Enter a new stage."""
        if stage != self._progress.stage:
            self._progress = replace(self._progress, stage=stage)
            self._tell()

    def note(self, sentence: str) -> None:
        """Report a remark."""
        self._progress = replace(self._progress, note=sentence)
        self._tell()

    def found(self, size: int) -> None:
        """Count bytes that were there already."""
        self._count(size, before=size)

    def came(self, size: int) -> None:
        """Count bytes that have arrived."""
        self.fetched += size
        self._count(size, before=0)

    def _count(self, size: int, before: int) -> None:
        now = time.monotonic()
        old = self._progress
        if not before:
            self._window.append((now, size))
        while self._window and self._window[0][0] < now - _WINDOW_S:
            self._window.popleft()
        self._progress = replace(old, done=old.done + size, before=old.before + before)
        if now >= self._next:
            self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        self._next = now + _EVERY_S
        if self._window:
            seconds = max(now - self._window[0][0], _EVERY_S)
            rate = sum(size for _, size in self._window) / seconds
            self._progress = replace(self._progress, rate=rate)
        self._progress = replace(self._progress, at=now)
        if self._on_progress is not None:
            self._on_progress(self._progress)
