"""What a session begins with; known before the session is, and imported without it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a session begins with."""

    resume: int | None = None
    """The id of a conversation; None for the one that was written to last."""
    system: str = ""
    """The system prompt of conversations that begin in this session. Where no conversation is
    named, the first of them begins at once."""
