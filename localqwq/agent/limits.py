"""How far a turn with tools may go."""

from dataclasses import dataclass


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
