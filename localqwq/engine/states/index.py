"""Which stored state has most in common with a prompt, and which ones must go: pure logic.

Tokens are packed into bytes (:func:`pack`): comparing those costs a ``memcmp``, and sorting them
brings what begins alike together, so that no search looks at more than a few lists of tokens.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

TOKEN_BYTES = 4


def pack(tokens: Sequence[int]) -> bytes:
    """The tokens as 32-bit integers, one behind the other."""
    return array("i", tokens).tobytes()


class PrefixIndex(Generic[T]):
    """Values by packed tokens, none of which are the beginning of another's."""

    def __init__(self) -> None:
        self._values: dict[bytes, T] = {}
        self._sorted: list[bytes] = []

    def get(self, tokens: bytes) -> T | None:
        """The value of exactly these tokens."""
        return self._values.get(tokens)

    def values(self) -> list[T]:
        """All values, in no order that means anything."""
        return list(self._values.values())

    def covering(self, tokens: bytes) -> T | None:
        """A value whose tokens begin with these, or are these."""
        place = bisect_left(self._sorted, tokens)
        if place < len(self._sorted) and self._sorted[place].startswith(tokens):
            return self._values[self._sorted[place]]
        return None

    def add(self, tokens: bytes, value: T) -> T | None:
        """Add a value that nothing covers; returns the one that had to go as its beginning."""
        # What lies between a beginning and these tokens would begin with that beginning, too.
        place = bisect_left(self._sorted, tokens) - 1
        shorter = self._sorted[place] if place >= 0 else None
        dropped = None
        if shorter is not None and tokens.startswith(shorter):
            dropped = self.remove(shorter)
        insort(self._sorted, tokens)
        self._values[tokens] = value
        return dropped

    def remove(self, tokens: bytes) -> T | None:
        """Take a value out, if it is there."""
        value = self._values.pop(tokens, None)
        if value is not None:
            del self._sorted[bisect_left(self._sorted, tokens)]
        return value

    def nearest(self, tokens: bytes) -> tuple[T, int] | None:
        """The value with the longest common beginning, and that beginning's length in tokens.

        The shortest of several; ``None`` where nothing begins like these tokens.
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
    """How many packed tokens two lists begin with together."""
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
    """What has to go so that the rest takes at most ``limit`` bytes.

    ``sizes``: the things and their bytes, the least recently used first, in which order they go.
    What is larger than the limit goes without taking others along.
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
