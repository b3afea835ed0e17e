"""Numbers within the bounds of a schema."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from localqwq.reasoning.answer_forms import answer_form
from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.lark import SchemaRefused
from tests.reasoning.lark_reader import reader

integers = st.integers(-(10**6), 10**6) | st.integers(-30, 30)
decimals = st.decimals(-1000, 1000, places=3).map(float)
BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def takes(kind: str, *bounds: float | None) -> Callable[[str], bool]:
    """What a number within bounds is, which are those of ``BOUNDS``."""
    given = {name: bound for name, bound in zip(BOUNDS, bounds, strict=True) if bound is not None}
    schema = {"schema": {"type": kind, **given}, "strict": True}
    return reader(answer_form({"type": "json_schema", "json_schema": schema}, problem))


@given(integers, integers, st.lists(integers, min_size=1))
def test_integers_between(one: int, other: int, numbers: list[int]) -> None:
    """Exactly those from the lower to the higher bound."""
    low, high = sorted((one, other))
    fits = takes("integer", low, None, high, None)
    for number in [*numbers, low, high, low - 1, high + 1]:
        assert fits(str(number)) is (low <= number <= high)
    assert not fits(f"0{low}")


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
    fits = takes("integer", *bounds)
    assert all(fits(number) for number in inside.split())
    assert not any(fits(number) for number in outside.split())


@pytest.mark.parametrize(
    "bounds", [(3, None, 2, None), (None, 1, None, 2), (10**30, None, None, None)]
)
def test_bounds_without_a_number(bounds: tuple[float | None, ...]) -> None:
    """Nothing between them, or more digits than 64 bits have."""
    with pytest.raises(SchemaRefused):
        takes("integer", *bounds)


@given(decimals, decimals, st.lists(decimals, min_size=1), st.booleans())
def test_decimals_between(one: float, other: float, numbers: list[float], strict: bool) -> None:
    """All of them as they are usually written, and nothing beyond the bounds however written."""
    low, high = sorted((one, other))
    assume(low < high)
    fits = takes("number", *((None, low, None, high) if strict else (low, None, high, None)))
    lowest, highest = Decimal(repr(low)), Decimal(repr(high))
    for number in [*numbers, low, high]:
        for text in {f"{number:g}", f"{number:.6f}", f"{number:.4f}", f"{number:.1f}"}:
            value = Decimal(text)
            inside = lowest < value < highest if strict else lowest <= value <= highest
            usual = text == repr(number).removesuffix(".0") and not text.startswith("-0")
            assert fits(text) <= inside
            assert fits(text) or not (inside and usual)


def test_shares_are_written_as_usual() -> None:
    """From 0 to 1, with any number of places, but not with a point alone."""
    fits = takes("number", 0, None, 1, None)
    for text in ("0", "1", "0.5", "0.123456", "1.0", "1.000", "0.0"):
        assert fits(text)
    for text in ("", "-0.5", "1.1", "0.", ".5", "00", "1.0001", "1e0"):
        assert not fits(text)
