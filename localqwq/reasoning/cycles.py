"""Exact cycles of tokens; a file of its own, since only a long text is worth importing numpy."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from localqwq.reasoning.patience import Patience

LONGEST_CYCLE = 512
"""Maximum length of a cycle in tokens."""
_BLOCK = 16
"""Number of tokens examined together."""


class CycleDetector:
    """Exact cycles: for each length, how long the stream has repeated itself.

    Tokens are examined in blocks, which costs numpy less than one at a time.
    """

    def __init__(self, patience: Patience) -> None:
        lengths = np.arange(LONGEST_CYCLE, 0, -1)
        self._needed = np.maximum(patience.tokens, patience.rounds * lengths)
        self._runs = np.zeros(LONGEST_CYCLE, np.int64)  # by length, the longest first
        self._past = np.full(LONGEST_CYCLE + _BLOCK, -1, np.int64)
        # Each row holds what precedes the newest block by one cycle length.
        self._before = sliding_window_view(self._past, _BLOCK)[:LONGEST_CYCLE]
        self._block: list[int] = []

    def feed(self, token: int) -> bool:
        """Add the next token; return whether it is a loop now."""
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
