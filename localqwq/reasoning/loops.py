"""Detecting endless repetition: exact cycles of tokens, and nearly identical lines.

Both detectors look at each token once and at a limited piece of the past, so a token costs the same
however long the text is. The thresholds allow for text that repeats itself with good reason: a
matrix of zeros, a table, a refrain. A real loop continues, so detection can wait.
"""

import re
from collections import deque
from typing import TYPE_CHECKING

from localqwq.reasoning.patience import Patience

if TYPE_CHECKING:
    from localqwq.reasoning.cycles import CycleDetector

IN_THOUGHT = Patience(tokens=240, rounds=2, lines=32, similar=0.8)
"""Closing a thought too early costs little."""
IN_ANSWER = Patience(tokens=640, rounds=3, lines=64, similar=0.9)
"""Cutting off an answer costs more."""


class LoopDetector:
    """Both detectors over one stream."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._early: list[int] = []
        self._cycles: CycleDetector | None = None
        self._lines = LineRepeatDetector(patience)

    def feed(self, token: int, text: str) -> bool:
        """Add the next token, with the text that it completes; return whether it is a loop now."""
        return self._is_cycle(token) or (bool(text) and self._lines.feed(text))

    def _is_cycle(self, token: int) -> bool:
        """Add a token to the detector of cycles, which is made once there can be a loop."""
        if self._cycles is not None:
            return self._cycles.feed(token)
        self._early.append(token)
        if len(self._early) < self._patience.tokens:
            return False
        from localqwq.reasoning.cycles import CycleDetector

        self._cycles = CycleDetector(self._patience)
        for early in self._early[:-1]:
            self._cycles.feed(early)
        self._early.clear()
        return self._cycles.feed(token)


_BREAK = re.compile(r"[.!?;。！？\n]+")
_WORD = re.compile(r"\w+")
_LABEL = re.compile(r"\W*(?:\w+\s+)?\d+\s*[.):\]]\s*")
_LONGEST_LINE = 400
"""Characters of a line that are compared."""
_HISTORY = 128
"""Number of lines that a new one is compared with."""
_FEWEST_WORDS = 5
"""Minimum of different words in a line; tables, brackets and short refrains have fewer."""
_SHARE = 0.9
"""Share of the latest lines that must be repeats."""


class LineRepeatDetector:
    """Lines and sentences that repeat with a different word or order.

    Those with a changed number do not count: counting is not a loop. A number at the beginning of a
    line (``Step 12:``) is ignored.
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
        """Add the next piece of text; return whether it is a loop now."""
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
