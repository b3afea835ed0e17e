"""How much repetition is accepted before it counts as a loop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How much repetition is accepted."""

    tokens: int
    """A cycle is a loop once it has repeated for at least this many tokens …"""
    rounds: int
    """… and at least this many times after its first occurrence."""
    lines: int
    """Lines are a loop if nearly all of this many have occurred before …"""
    similar: float
    """… with this share of words in common, among all words of both."""
