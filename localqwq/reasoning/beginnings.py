"""What two sequences begin with alike; pure."""

from collections.abc import Sequence
from typing import Any


def common_length(a: Sequence[Any], b: Sequence[Any], most: int | None = None) -> int:
    """Return how many items two sequences begin with alike, at most ``most``.

    By bisection, which compares in C.
    """
    low, high = 0, min(len(a), len(b), len(a) if most is None else most)
    if a[:high] == b[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
