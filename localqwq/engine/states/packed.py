"""Tokens packed into bytes, which a ``memcmp`` compares, and what to evict: pure logic."""

from array import array
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

TOKEN_BYTES = 4


def pack(tokens: Sequence[int]) -> bytes:
    """Return the tokens as consecutive 32-bit integers."""
    return array("i", tokens).tobytes()


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
