"""Which stored state shares most with a prompt, and which ones to evict: pure logic.

Tokens are packed into bytes (:func:`pack`): comparing those costs a ``memcmp``, and sorting them
groups equal beginnings, so that a search inspects only a few lists of tokens.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

TOKEN_BYTES = 4


def pack(tokens: Sequence[int]) -> bytes:
    """Return the tokens as consecutive 32-bit integers."""
    return array("i", tokens).tobytes()


class PrefixIndex(Generic[T]):
    """Values by packed tokens, none of which is a prefix of another."""

    def __init__(self) -> None:
        self._values: dict[bytes, T] = {}
        self._sorted: list[bytes] = []

    def get(self, tokens: bytes) -> T | None:
        """Return the value of exactly these tokens."""
        return self._values.get(tokens)

    def values(self) -> list[T]:
        """Return all values in no particular order."""
        return list(self._values.values())

    def covering(self, tokens: bytes) -> T | None:
        """Return a value whose tokens begin with these."""
        place = bisect_left(self._sorted, tokens)
        if place < len(self._sorted) and self._sorted[place].startswith(tokens):
            return self._values[self._sorted[place]]
        return None

    def add(self, tokens: bytes, value: T) -> T | None:
        """Add a value whose tokens no other covers; return the value of a prefix, which it
        replaces.
        """
        # Anything sorted between a prefix and these tokens would begin with that prefix too.
        place = bisect_left(self._sorted, tokens) - 1
        shorter = self._sorted[place] if place >= 0 else None
        dropped = None
        if shorter is not None and tokens.startswith(shorter):
            dropped = self.remove(shorter)
        insort(self._sorted, tokens)
        self._values[tokens] = value
        return dropped

    def remove(self, tokens: bytes) -> T | None:
        """Remove a value, if it exists."""
        value = self._values.pop(tokens, None)
        if value is not None:
            del self._sorted[bisect_left(self._sorted, tokens)]
        return value

    def nearest(self, tokens: bytes) -> tuple[T, int] | None:
        """Return the value with the longest common prefix, and that prefix's length in tokens.

        The shortest of several; ``None`` if nothing has a common prefix.
        """
        place = bisect_left(self._sorted, tokens)
        common = max(
            (common_tokens(near, tokens) for near in self._sorted[max(0, place - 1) : place + 1]),
            default=0,
        )
        if not common:
            return None
        beginning = tokens[: common * TOKEN_BYTES]
        first = last = place
        while first > 0 and self._sorted[first - 1].startswith(beginning):
            first -= 1
        while last < len(self._sorted) and self._sorted[last].startswith(beginning):
            last += 1
        return self._values[min(self._sorted[first:last], key=len)], common


def common_tokens(one: bytes, other: bytes) -> int:
    """Return the length in tokens of the common prefix of two packed lists."""
    low, high = 0, min(len(one), len(other)) // TOKEN_BYTES
    while low < high:
        middle = (low + high + 1) // 2
        span = slice(low * TOKEN_BYTES, middle * TOKEN_BYTES)
        if one[span] == other[span]:
            low = middle
        else:
            high = middle - 1
    return low


def beyond(limit: int, sizes: Iterable[tuple[T, int]]) -> list[T]:
    """Return what to evict so that the rest takes at most ``limit`` bytes.

    ``sizes``: the items and their bytes, the least recently used first, in order of eviction. Items
    larger than the limit are evicted without affecting others.
    """
    sizes = list(sizes)
    excess = sum(size for _, size in sizes if size <= limit) - limit
    gone = []
    for thing, size in sizes:
        if size > limit:
            gone.append(thing)
        elif excess > 0:
            gone.append(thing)
            excess -= size
    return gone
