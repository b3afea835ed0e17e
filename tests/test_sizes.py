"""Sizes for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.sizes import readable_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (98_362_432, "93.8 MiB"),
        (1 << 30, "1.0 GiB"),
        (19_851_000_000, "18.5 GiB"),
        (139 << 30, "139 GiB"),
        (5000 << 40, "5000 TiB"),
    ],
)
def test_readable_sizes(size: int, text: str) -> None:
    """Binary units with as many digits as say something."""
    assert readable_size(size) == text


@given(st.integers(0, 1 << 50))
def test_readable_sizes_are_short_and_right(size: int) -> None:
    """At most four digits, and at most a twentieth off."""
    number, unit = readable_size(size).split()
    factor = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert abs(float(number) * factor - size) <= size / 20 + 1
    assert len(number) <= 5
