"""Grammar rules for numbers within bounds, as decimal text."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from localqwq.reasoning.gbnf import Rules

_DIGITS = 18
"""Digits of an integer that fit 64 bits."""
_MOST = 10**_DIGITS - 1
_PLACES = 6
"""Decimal places that a number may have, unless its bounds have more."""

Bound = int | float | None


def integer_range(
    rules: Rules, minimum: Bound, above: Bound, maximum: Bound, below: Bound
) -> str | None:
    """Return an expression for the integers within the bounds.

    ``minimum`` and ``maximum`` are inclusive, ``above`` and ``below`` exclusive. ``None`` if there
    are none.
    """
    lowest, highest = _limits(minimum, above, maximum, below, 0)
    return _signed(rules, lowest, highest, 0)


def number_range(
    rules: Rules, minimum: Bound, above: Bound, maximum: Bound, below: Bound
) -> str | None:
    """Do the same for numbers, without exponents and with few decimal places."""
    given = [bound for bound in (minimum, above, maximum, below) if bound is not None]
    places = min(_DIGITS, max(_PLACES, *(_places(bound) + 1 for bound in given)))
    lowest, highest = _limits(minimum, above, maximum, below, places)
    return _signed(rules, lowest, highest, places)


def _limits(
    minimum: Bound, above: Bound, maximum: Bound, below: Bound, places: int
) -> tuple[int, int]:
    """Return the lowest and the highest, in units of the last decimal place."""
    unit = 10**places
    lows, highs = [-_MOST * unit], [_MOST * unit]
    if minimum is not None:
        lows.append(ceil(Fraction(repr(minimum)) * unit))
    if above is not None:
        lows.append(floor(Fraction(repr(above)) * unit) + 1)
    if maximum is not None:
        highs.append(floor(Fraction(repr(maximum)) * unit))
    if below is not None:
        highs.append(ceil(Fraction(repr(below)) * unit) - 1)
    return max(lows), min(highs)


def _signed(rules: Rules, lowest: int, highest: int, places: int) -> str | None:
    ways = []
    if lowest < 0 and lowest <= highest:
        ways.append(f'"-" {_between(rules, max(1, -highest), -lowest, places)}')
    if highest >= 0 and lowest <= highest:
        ways.append(_between(rules, max(0, lowest), highest, places))
    return " | ".join(ways) or None


def _between(rules: Rules, low: int, high: int, places: int) -> str:
    """Return a rule for the texts of non-negative units from ``low`` to ``high``."""
    unit = 10**places
    (low_whole, low_part), (high_whole, high_part) = divmod(low, unit), divmod(high, unit)
    if places == 0:
        return rules.union(_wholes(rules, low, high))
    if low_whole == high_whole:
        parts = _part(rules, low_part, high_part, places)
        return rules.add(f'"{low_whole}" {parts}')
    ways = [
        f'"{low_whole}" {_part(rules, low_part, unit - 1, places)}',
        f'"{high_whole}" {_part(rules, 0, high_part, places)}',
    ]
    if low_whole + 1 < high_whole:
        wholes = rules.union(_wholes(rules, low_whole + 1, high_whole - 1))
        ways.append(f"{wholes} {_part(rules, 0, unit - 1, places)}")
    return rules.union(map(rules.add, ways))


def _part(rules: Rules, low: int, high: int, places: int) -> str:
    """Return a rule for the decimal places; optional if that is within the bounds."""
    digits = _padded(rules, f"{low:0{places}}", f"{high:0{places}}", fewest=1)
    return rules.add(('"" | ' if low == 0 else "") + f'"." {digits}')


def _wholes(rules: Rules, low: int, high: int) -> list[str]:
    """Return rules for the integers, by their number of digits."""
    found = []
    for length in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 10 ** (length - 1) if length > 1 else 0)
        last = min(high, 10**length - 1)
        found.append(_padded(rules, str(first), str(last)))
    return found


def _padded(rules: Rules, low: str, high: str, fewest: int | None = None) -> str:
    """Return a rule for the strings of digits between two of the same length.

    With ``fewest``, trailing zeros may be omitted as long as that many digits remain.
    """
    length = len(low)
    ends = fewest is not None and fewest <= 0 and not low.strip("0")
    if not low:
        return rules.add('""')
    if not low.strip("0") and not high.strip("9"):
        return rules.add(f"[0-9]{{{length if fewest is None else max(0, fewest)},{length}}}")
    later = None if fewest is None else fewest - 1
    first, last = int(low[0]), int(high[0])
    lowest, highest = "0" * (length - 1), "9" * (length - 1)
    ways = ['""'] if ends else []
    if first == last:
        ways.append(f'"{first}" {_padded(rules, low[1:], high[1:], later)}')
        return rules.add(" | ".join(ways))
    if low[1:] != lowest:
        ways.append(f'"{first}" {_padded(rules, low[1:], highest, later)}')
        first += 1
    if high[1:] != highest:
        ways.append(f'"{last}" {_padded(rules, lowest, high[1:], later)}')
        last -= 1
    if first <= last:
        ways.append(f"[{first}-{last}] {_padded(rules, lowest, highest, later)}")
    return rules.add(" | ".join(ways))


def _places(bound: int | float) -> int:
    exponent = Decimal(repr(bound)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # it is finite
    return max(0, -exponent)
