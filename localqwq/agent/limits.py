"""How far a turn with tools may go."""

from collections.abc import Mapping
from dataclasses import dataclass

from localqwq.agent.events import EndReason


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one turn. When one is reached, the model gets no more tools and has to answer."""

    rounds: int = 24
    """Answers of the model that may call tools."""
    tokens: int | None = None
    """Generated tokens in all rounds together; None for no limit."""
    seconds: float | None = None
    """Time since the turn began; None for no limit."""
    call_seconds: float = 90.0
    """Time of a single call; more than a program in the sandbox has, which says more about it."""
    parallel: int = 4
    """Calls of one round that are carried out at the same time."""
    same: int = 3
    """Times that the same call may give the same result."""


FORCED: Mapping[EndReason, str] = {
    "rounds": "The model had to answer: it has called tools as often as agent.max_rounds allows.",
    "tokens": "The model had to answer: it has used the tokens that agent.max_tokens allows.",
    "seconds": "The model had to answer: it has taken the time that agent.max_seconds allows.",
    "repetition": "The model had to answer: it kept making the same call.",
}
"""Sentences for people about turns that a limit ended."""
