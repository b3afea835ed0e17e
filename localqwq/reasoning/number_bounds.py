"""Numbers near the bounds of a schema, which llguidance would not let a model end.

Below 7.25 it takes 7.1 and 7.20, but not 7.2: it compares digits, and where these are those of the
bound it wants as many. Such numbers are named here one by one. Zeros at the end of the bound itself
(7.250) are not taken.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

_MOST_PLACES = 9


def numbers_at_bounds(schema: Mapping[str, Any]) -> list[int | float]:
    """Return the numbers within bounds that have the first digits of a bound."""
    found: list[int | float] = []
    for sign, names in (
        (1, ("maximum", "exclusiveMaximum")),
        (-1, ("minimum", "exclusiveMinimum")),
    ):
        limits = [sign * _decimal(schema[name]) for name in names if name in schema]
        if limits and (bound := min(limits)) > 0:
            numbers = (sign * number for number in _beginnings(bound))
            found += (_json(number) for number in numbers if _is_within(number, schema))
    return found


def _beginnings(bound: Decimal) -> Iterator[Decimal]:
    """Yield the numbers that the digits of a bound begin with, if it is no whole number."""
    exponent = bound.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # it is finite
    if exponent < 0 and -exponent <= _MOST_PLACES:
        for places in range(-exponent + 1):
            yield bound.quantize(Decimal(1).scaleb(-places), rounding="ROUND_DOWN")


def _is_within(number: Decimal, schema: Mapping[str, Any]) -> bool:
    bounds = {name: _decimal(schema[name]) for name in _CHECKS if name in schema}
    return all(_CHECKS[name](number, bound) for name, bound in bounds.items())


_CHECKS = {
    "minimum": Decimal.__ge__,
    "maximum": Decimal.__le__,
    "exclusiveMinimum": Decimal.__gt__,
    "exclusiveMaximum": Decimal.__lt__,
}


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _json(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)
