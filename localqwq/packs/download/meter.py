"""How far a download is, told to whoever watches it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

Stage = Literal["asking", "waiting", "checking", "downloading", "repairing", "installing"]
"""``asking`` a source what it has; ``waiting`` for another process that does the same;
``checking`` what is there; ``downloading``; ``repairing`` bytes that came wrong; ``installing``."""

_EVERY_S = 0.1
_WINDOW_S = 5.0
"""The rate is that of so many seconds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is."""

    stage: Stage
    spec: str
    """What is pulled: ``name:QUANT`` as soon as that is known."""
    source: str = ""
    """Where it comes from: ``Hugging Face``."""
    done: int = 0
    """Bytes that are there, of all files together."""
    total: int = 0
    """Bytes of all files; 0 as long as nobody knows."""
    before: int = 0
    """Bytes that were there when this pull began."""
    rate: float = 0.0
    """Bytes a second."""
    note: str = ""
    """What happened last, in one sentence: why it is slow, why it comes from elsewhere."""
    at: float = field(default_factory=time.monotonic, compare=False)
    """When that was so, by the clock `time.monotonic`."""

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; ``None`` without one."""
        return (self.total - self.done) / self.rate if self.rate and self.total else None


class Meter:
    """Counts bytes and passes them on, ten times a second at most."""

    def __init__(self, spec: str, on_progress: Callable[[Progress], None] | None) -> None:
        self._progress = Progress("asking", spec)
        self._on_progress = on_progress
        self._next = 0.0
        self._window: deque[tuple[float, int]] = deque()
        self.fetched = 0
        """Bytes that came, whatever became of them."""
        self._tell()

    def begin(self, spec: str, source: str, total: int) -> None:
        """The files are known, and none of them is there yet."""
        self._progress = Progress("checking", spec, source, total=total, note=self._progress.note)
        self._window.clear()
        self._tell()

    def stage(self, stage: Stage) -> None:
        """Something else is done from now on."""
        if stage != self._progress.stage:
            self._progress = replace(self._progress, stage=stage)
            self._tell()

    def note(self, sentence: str) -> None:
        """Something that people should know."""
        self._progress = replace(self._progress, note=sentence)
        self._tell()

    def found(self, size: int) -> None:
        """So many bytes were there already."""
        self._count(size, before=size)

    def came(self, size: int) -> None:
        """So many bytes have come."""
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
