"""Option types: each converts a word to a value, or says what would be valid."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from localqwq.durations import parsed_duration
from localqwq.sizes import parsed_size


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a type for whole numbers from ``least`` to ``most``; None for no upper limit."""

    def parsed(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < least or (most is not None and value > most):
            within = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {within}")
        return value

    return parsed


def number(least: float, most: float) -> Callable[[str], float]:
    """Return a type for numbers from ``least`` to ``most``."""

    def parsed(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # also true of NaN
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:g} to {most:g}")
        return value

    return parsed


def sampling(name: str) -> Callable[[str], float]:
    """Return the type of a sampling parameter; whole numbers for those that count tokens."""
    from localqwq.gguf.sampling import LIMITS, Sampling

    least, most = LIMITS[name]
    if isinstance(getattr(Sampling(), name), int):
        return whole(round(least), round(most))
    return number(least, most)


def above_zero(what: str) -> Callable[[str], float]:
    """Return a type for numbers above 0; ``what`` is counted, such as minutes."""

    def parsed(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = 0.0
        if not 0 < found < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {what} above 0")
        return found

    return parsed


def size(text: str) -> int:
    """Return the bytes of a size such as 2G."""
    try:
        return parsed_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def duration(text: str) -> str:
    """Return a time such as 10m as it is written, if it can be read."""
    try:
        parsed_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


context = whole(1)
"""Type of a context length in tokens."""


def budgets(text: str) -> tuple[int, ...]:
    """Return numbers of tokens, separated by commas; ``k`` stands for 1,024."""
    try:
        found = [
            int(word[:-1]) * 1024 if word.lower().endswith("k") else int(word)
            for word in text.replace(" ", "").split(",")
        ]
    except ValueError:
        found = []
    if not found or min(found) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of budgets, such as 1k,4k,16k")
    return tuple(dict.fromkeys(found))
