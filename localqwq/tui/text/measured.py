"""Durations and numbers of tokens in words."""

from __future__ import annotations

from localqwq.conversations.turns import Measures


def measured(measures: Measures) -> str:
    """Return the heading of a finished thought; those of other programs may lack measures."""
    took, tokens = measures.thought_seconds, measures.thought_tokens
    duration = f"Thought for {seconds(took)}" if took else "Thought"
    return f"{duration}, {count(tokens)}" if tokens else duration


def seconds(duration: float) -> str:
    """Return a duration for people: ``<0.1 s``, ``2.1 s``, ``42 s``, ``1 min 12 s``."""
    if duration < 0.05:
        return "<0.1 s"
    if duration < 9.95:
        return f"{duration:.1f} s"
    if duration < 59.5:
        return f"{duration:.0f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"


def count(tokens: int) -> str:
    """Return a number of tokens with its unit."""
    return "1 token" if tokens == 1 else f"{tokens:,} tokens"
