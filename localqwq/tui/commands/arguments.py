"""The numbers that are typed after the names of commands."""

from __future__ import annotations

_LONGER, _MOST_LONGER = 2048, 9_999_999
"""Tokens."""
_ANSWERS, _MOST_ANSWERS = 5, 64
HOW_MANY = f"Write how many answers, from 2 to {_MOST_ANSWERS}, such as /vote 8."


def tokens_wanted(argument: str) -> int:
    """Return the tokens that a thought gets in addition: as named, or as usual."""
    found = _number(argument)
    return _LONGER if found is None or found > _MOST_LONGER else found


def answers_wanted(argument: str) -> int | None:
    """Return the answers of a vote: as named, or as usual; None for a wrong number."""
    if not argument.strip():
        return _ANSWERS
    found = _number(argument)
    return found if found is not None and 2 <= found <= _MOST_ANSWERS else None


def _number(argument: str) -> int | None:
    text = argument.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
