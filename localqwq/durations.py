"""Durations as people write them."""

import math
import re

NEVER = "never"
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|[smhd])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parsed_duration(text: str) -> float:
    """Return the seconds meant by ``10m``, ``90s``, ``1h30m`` or ``never``, which is infinite.

    Raises :class:`ValueError` for anything else.
    """
    if text == NEVER:
        return math.inf
    if _WHOLE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a valid time: write it as 10m, 90s, 1h30m or {NEVER}")
    return sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))


def kept_alive(value: object) -> float | None:
    """Return the seconds meant by a request's ``keep_alive``, as Ollama writes it.

    A number, also as text, or a time such as ``10m``; negative ones are infinite. ``None`` if it is
    none of these types. Raises :class:`ValueError` for text that is no time.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except ValueError:
        text = str(value)
        is_negative = text.startswith("-")
        seconds = parsed_duration(text.removeprefix("-")) * (-1 if is_negative else 1)
    if math.isnan(seconds):
        raise ValueError("it is not a number of seconds")
    return math.inf if seconds < 0 else seconds


def readable_duration(seconds: float) -> str:
    """Return seconds in the largest unit of which there is one, such as ``10 min``."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
