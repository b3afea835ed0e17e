"""Numbers within bounds as grammar rules, read back as regular expressions."""

import re
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from localqwq.reasoning.gbnf import Rules
from localqwq.reasoning.ranges import integer_range, number_range
from tests.reasoning.gbnf_regex import matcher

integers = st.integers(-(10**6), 10**6) | st.integers(-30, 30)
decimals = st.decimals(-1000, 1000, places=3).map(float)


def integer_matcher(*bounds: int | float | None) -> re.Pattern[str]:
    """What the rule for integers takes."""
    rules = Rules()
    rule = integer_range(rules, *bounds)
    assert rule is not None
    return matcher(rules.text(rule))


@given(integers, integers, st.lists(integers, min_size=1))
def test_integers_between(one: int, other: int, numbers: list[int]) -> None:
    """Exactly those from the lower to the higher bound."""
    low, high = sorted((one, other))
    pattern = integer_matcher(low, None, high, None)
    for number in [*numbers, low, high, low - 1, high + 1]:
        assert bool(pattern.fullmatch(str(number))) is (low <= number <= high)
    assert not pattern.fullmatch(f"0{low}")


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ((1, None, None, None), "1 99 999999999999999999", "0 -1"),
        ((None, None, None, 0), "-1 -99", "0 1"),
        ((None, 0, 7, None), "1 7", "0 8"),
        ((0.5, None, 2.5, None), "1 2", "0 3"),
        ((None, 1, None, 3.0), "2", "1 3"),
    ],
)
def test_open_and_exclusive_bounds(
    bounds: tuple[float | None, ...], inside: str, outside: str
) -> None:
    """Bounds on one side, exclusive ones, and bounds between two integers."""
    pattern = integer_matcher(*bounds)
    assert all(pattern.fullmatch(number) for number in inside.split())
    assert not any(pattern.fullmatch(number) for number in outside.split())


def test_bounds_without_a_number() -> None:
    """Nothing between them, or more digits than 64 bits have."""
    for bounds in [(3, None, 2, None), (None, 1, None, 2), (10**30, None, None, None)]:
        assert integer_range(Rules(), *bounds) is None


@given(decimals, decimals, st.lists(decimals, min_size=1), st.booleans())
def test_decimals_between(one: float, other: float, numbers: list[float], strict: bool) -> None:
    """Those with few places, and nothing beyond the bounds."""
    low, high = sorted((one, other))
    assume(low < high)
    rules = Rules()
    bounds = (None, low, None, high) if strict else (low, None, high, None)
    rule = number_range(rules, *bounds)
    assert rule is not None
    pattern = matcher(rules.text(rule))
    lowest, highest = Decimal(repr(low)), Decimal(repr(high))
    for number in [*numbers, low, high]:
        for text in {repr(number), f"{number:.6f}", f"{number:.4f}"}:
            value = Decimal(text)
            inside = lowest < value < highest if strict else lowest <= value <= highest
            assert bool(pattern.fullmatch(text)) is inside or text.startswith("-0.0")


def test_shares_are_written_as_usual() -> None:
    """From 0 to 1, with any number of places, but not with a point alone."""
    rules = Rules()
    rule = number_range(rules, 0, None, 1, None)
    assert rule is not None
    pattern = matcher(rules.text(rule))
    for text in ("0", "1", "0.5", "0.123456", "1.0", "1.000", "0.0"):
        assert pattern.fullmatch(text)
    for text in ("", "-0.5", "1.1", "0.", ".5", "00", "1.0001", "1e0"):
        assert not pattern.fullmatch(text)
