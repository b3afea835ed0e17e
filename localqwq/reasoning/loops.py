"""Repetition without end: exact cycles of tokens, and lines that come back nearly the same.

Both detectors look at each token once and at a bounded piece of the past, so that a token costs the
same however long the text is. The thresholds are made for text that repeats itself with good
reason: a matrix of zeros, a table, a refrain. What loops goes on looping and can wait.
"""

import re
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

LONGEST_CYCLE = 512
"""Tokens of the longest cycle that is looked for."""
_BLOCK = 16
"""Tokens that are looked at together."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much repetition is taken for meant."""

    tokens: int
    """A cycle of tokens is a loop when it has come back for at least so many tokens…"""
    rounds: int
    """… and at least so many times after its first."""
    lines: int
    """Lines are a loop when nearly all of so many have been there before…"""
    similar: float
    """… with so many words in common, among all words of both."""


IN_THOUGHT = Patience(tokens=240, rounds=2, lines=32, similar=0.8)
"""A thought that is closed too early costs little."""
IN_ANSWER = Patience(tokens=640, rounds=3, lines=64, similar=0.9)
"""An answer that is cut off costs more."""


class LoopDetector:
    """Both detectors over one stream."""

    def __init__(self, patience: Patience) -> None:
        self._cycles = CycleDetector(patience)
        self._lines = LineRepeatDetector(patience)

    def feed(self, token: int, text: str) -> bool:
        """Take in the next token, with the text that it completes; whether it is a loop now."""
        return self._cycles.feed(token) or (bool(text) and self._lines.feed(text))


class CycleDetector:
    """Exact cycles: for each length up to the longest, how long the stream has repeated itself.

    Tokens are looked at in blocks, which costs numpy less than one at a time.
    """

    def __init__(self, patience: Patience) -> None:
        lengths = np.arange(LONGEST_CYCLE, 0, -1)
        self._needed = np.maximum(patience.tokens, patience.rounds * lengths)
        self._runs = np.zeros(LONGEST_CYCLE, np.int64)  # by length, the longest first
        self._past = np.full(LONGEST_CYCLE + _BLOCK, -1, np.int64)
        # Row by row what stands one length before the newest block.
        self._before = sliding_window_view(self._past, _BLOCK)[:LONGEST_CYCLE]
        self._block: list[int] = []

    def feed(self, token: int) -> bool:
        """Take in the next token; whether it is a loop now."""
        self._block.append(token)
        if len(self._block) < _BLOCK:
            return False
        self._past[:LONGEST_CYCLE] = self._past[_BLOCK:]
        self._past[LONGEST_CYCLE:] = self._block
        self._block = []
        breaks = self._before != self._past[LONGEST_CYCLE:]
        since_break = breaks[:, ::-1].argmax(axis=1)
        self._runs = np.where(breaks.any(axis=1), since_break, self._runs + _BLOCK)
        return bool((self._runs >= self._needed).any())


_BREAK = re.compile(r"[.!?;。！？\n]+")
_WORD = re.compile(r"\w+")
_LABEL = re.compile(r"\W*(?:\w+\s+)?\d+\s*[.):\]]\s*")
_LONGEST_LINE = 400
"""Characters of a line that are compared."""
_HISTORY = 128
"""Lines that a new one is compared with."""
_FEWEST_WORDS = 5
"""Different words that a line needs to count; tables, brackets and short refrains do not."""
_SHARE = 0.9
"""Of the lines within the patience that must be repeats."""


class LineRepeatDetector:
    """Lines and sentences that come back with another word or in another order.

    Those in which a number has changed do not: counting on is no loop. The number that a line
    begins with (``Step 12:``) does not count, though.
    """

    def __init__(self, patience: Patience) -> None:
        self._past: deque[frozenset[str]] = deque(maxlen=_HISTORY)
        self._repeats: deque[bool] = deque(maxlen=patience.lines)
        self._needed = int(patience.lines * _SHARE)
        self._similar = patience.similar
        self._count = 0  # of true values in `_repeats`
        self._parts: list[str] = []
        self._length = 0

    def feed(self, text: str) -> bool:
        """Take in the next piece of text; whether it is a loop now."""
        if not _BREAK.search(text):
            self._add(text)
            return False
        first, *rest = _BREAK.split(text)
        self._add(first)
        for piece in rest:
            self._end_line()
            self._add(piece)
        return self._count >= self._needed

    def _add(self, text: str) -> None:
        if self._length < _LONGEST_LINE:
            self._parts.append(text)
            self._length += len(text)

    def _end_line(self) -> None:
        line = "".join(self._parts)[:_LONGEST_LINE].lower()
        self._parts, self._length = [], 0
        words = frozenset(_WORD.findall(_LABEL.sub("", line, count=1)))
        if len(words) < _FEWEST_WORDS:
            return
        repeated = words in self._past or any(
            _nearly_same(words, earlier, self._similar) for earlier in self._past
        )
        self._past.append(words)
        if len(self._repeats) == self._repeats.maxlen:
            self._count -= self._repeats[0]
        self._repeats.append(repeated)
        self._count += repeated


def _nearly_same(one: frozenset[str], other: frozenset[str], similar: float) -> bool:
    a, b = len(one), len(other)
    if a < similar * b or b < similar * a:
        return False
    common = len(one & other)
    if common < similar * (a + b - common):
        return False
    return not any(word.isdigit() for word in one ^ other)
