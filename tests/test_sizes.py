"""Sizes for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.sizes import parsed_size, readable_size


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


@pytest.mark.parametrize(
    ("text", "size"), [("512M", 512 << 20), ("1.5g", 3 << 29), ("2GiB", 2 << 30), ("3TB", 3 << 40)]
)
def test_parsed_sizes(text: str, size: int) -> None:
    """As people write them, always in powers of two."""
    assert parsed_size(text) == size


@pytest.mark.parametrize("text", ["", "8", "8K", "-1G", "1 G", "1e3G", "1.G", "9" * 10 + "G"])
def test_what_is_no_size(text: str) -> None:
    """It is named, with an example."""
    with pytest.raises(ValueError, match="is not a valid size: write it as"):
        parsed_size(text)


@given(st.integers(0, 1 << 50))
def test_readable_sizes_are_short_and_right(size: int) -> None:
    """At most four digits, and at most a twentieth off."""
    number, unit = readable_size(size).split()
    factor = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert abs(float(number) * factor - size) <= size / 20 + 1
    assert len(number) <= 5
