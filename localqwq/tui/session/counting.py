"""Counting what is generated; pure except for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from localqwq.conversations.turns import Measures
from localqwq.reasoning.events import Finish

_STEADY = 0.3
"""Seconds that a rate is measured before it is shown."""
_TELLING = 128
"""Minimum tokens of a prompt to measure the processing speed."""


class Count:
    """The measures of one turn, from the prompt's first token to the answer's last."""

    def __init__(self, begun: Measures, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up; ``begun``: measures of the existing part, for a continued turn."""
        self.measures = begun
        self._begun = begun
        self._clock = clock
        self._started = clock()
        self._first: float | None = None
        self._at_first = 0  # tokens that came then, whose time is not known
        self._read: tuple[float, int] | None = None
        self.reading: float | None = None
        """Prompt tokens processed per second; None if too few to measure."""

    def read(self, done: int, total: int, cached: int = 0) -> float | None:
        """Record ``done`` processed tokens; return the seconds left, None if unknown.

        ``cached``: tokens that were in the context before. The first time, the rate is measured
        from when the prompt was sent, which may have waited for others; later, from that time.
        """
        now = self._clock()
        self.measures = replace(
            self.measures, context_tokens=total, seconds=self._begun.seconds + now - self._started
        )
        began, before = self._read or (self._started, cached)
        self._read = self._read or (now, done)
        if now - began < _STEADY or done <= before:
            return None
        rate = (done - before) / (now - began)
        if done - before >= _TELLING:
            self.reading = rate
        return (total - done) / rate

    def thought(self, tokens: int) -> None:
        """Count tokens of the thought."""
        now = self._generated(tokens)
        assert self._first is not None
        self.measures = replace(
            self.measures,
            thought_tokens=self.measures.thought_tokens + tokens,
            thought_seconds=self._begun.thought_seconds + now - self._first,
        )

    def answer(self, tokens: int) -> None:
        """Count tokens of the answer."""
        self._generated(tokens)

    def reclassify(self, *, thought: bool) -> None:
        """Count all tokens so far as those of the thought, or of the answer."""
        counted, begun, now = self.measures, self._begun, self._clock()
        generating = now - (now if self._first is None else self._first)
        self.measures = replace(
            counted,
            thought_tokens=counted.tokens if thought else begun.thought_tokens,
            thought_seconds=begun.thought_seconds + (generating if thought else 0.0),
        )

    def finish(self, finish: Finish) -> None:
        """Replace the counts by the server's own at the end."""
        usage, counted, begun = finish.usage, self.measures, self._begun
        if usage.prompt_tokens - usage.cached_tokens >= _TELLING and finish.timings.prompt_tps:
            self.reading = finish.timings.prompt_tps
        tokens, thought = usage.completion_tokens, usage.reasoning_tokens
        self.measures = replace(
            counted,
            seconds=begun.seconds + self._clock() - self._started,
            tokens=begun.tokens + tokens if tokens else counted.tokens,
            thought_tokens=begun.thought_tokens + thought if thought else counted.thought_tokens,
            context_tokens=usage.total_tokens or counted.context_tokens,
            rate=finish.timings.generate_tps or counted.rate,
        )

    def _generated(self, tokens: int) -> float:
        now = self._clock()
        if self._first is None:
            self._first, self._at_first = now, tokens
        before = self.measures
        generated = before.tokens + tokens
        generating = now - self._first
        new = generated - self._begun.tokens
        self.measures = replace(
            before,
            seconds=self._begun.seconds + now - self._started,
            tokens=generated,
            context_tokens=before.context_tokens + tokens,
            rate=(new - self._at_first) / generating if generating > _STEADY else before.rate,
        )
        return now
