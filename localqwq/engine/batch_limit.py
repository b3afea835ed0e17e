"""How many tokens a batch may have on devices that finish every batch they start."""

LONGEST_S = 0.2
"""Maximum seconds between stopping an answer and the end of the current batch."""
SMALLEST = 8
"""Tokens of the first batch."""
SMALLEST_WITH_HOST = 32
"""Tokens of the first batch if the host has layers: from this size on, a card computes for it and
copies the weights for each batch.
"""
_NEW = 0.5
"""Weight of the newest measurement: attention makes each batch more expensive than the last."""
_CHEAP = 1.5
"""A batch that takes at most this many times as long as half of it consists mostly of fixed costs,
so it is not divided for the sake of the limit.
"""


class BatchLimit:
    """Learn how long batches take, and decide how many tokens the next may have.

    Sizes are powers of two. The next larger one is tried if it is expected to be allowed; the
    second is tried in any case, because one size alone does not tell the fixed costs of a batch.
    A size that seems too slow is tried twice, because drivers compile programs during the first.
    """

    def __init__(self, most: int, smallest: int = SMALLEST, longest_s: float = LONGEST_S) -> None:
        """Set up; ``most``: maximum tokens of a batch; ``longest_s``: maximum seconds of a
        batch.
        """
        self._most = most
        self._sizes = _sizes(smallest, most)
        self._longest_s = longest_s
        self._taken: dict[int, float] = {}
        self._once: set[int] = set()
        """Sizes that were measured once."""

    def tokens(self) -> int:
        """Return the tokens that the next batch may have."""
        size, *others = self._sizes
        for larger in others:
            if size not in self._taken or self._is_doubtful(size):
                break
            cheap = 0.0 if size in self._once else _CHEAP * self._taken[size]
            if self._expected(size, larger) > max(self._longest_s, cheap):
                break
            size = larger
        return size

    def measure(self, tokens: int, seconds: float) -> None:
        """Record that a batch of ``tokens`` took ``seconds``.

        This also corrects what is known of other sizes: twice the tokens take longer, but at most
        twice as long.
        """
        if tokens not in self._sizes:
            return
        taken = self._taken
        if tokens not in taken:
            taken[tokens] = seconds
            self._once.add(tokens)
        elif tokens in self._once:
            taken[tokens] = min(taken[tokens], seconds)
            self._once.remove(tokens)
        else:
            taken[tokens] = (1 - _NEW) * taken[tokens] + _NEW * seconds
        if self._is_doubtful(tokens):
            return
        for size in taken:
            if size < tokens:
                taken[size] = min(max(taken[size], seconds * size / tokens), seconds)
            elif size > tokens:
                taken[size] = max(min(taken[size], seconds * size / tokens), seconds)

    def _is_doubtful(self, size: int) -> bool:
        """Return whether ``size`` may have seemed slow only because it was new."""
        return size in self._once and self._taken[size] > self._longest_s

    def _expected(self, size: int, larger: int) -> float:
        """Return the seconds that ``larger``, the size after ``size``, is expected to take."""
        if larger in self._taken:
            return self._taken[larger]
        if size // 2 not in self._taken:
            return 0.0
        return self._taken[size] + 2 * (self._taken[size] - self._taken[size // 2])


def _sizes(smallest: int, most: int) -> tuple[int, ...]:
    found = [min(smallest, most)]
    while 2 * found[-1] <= most:
        found.append(2 * found[-1])
    return (*found, most) if found[-1] < most else tuple(found)
