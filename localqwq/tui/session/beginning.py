"""What a session begins with; imported without the session itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a session begins with."""

    resume: int | None = None
    """The id of a conversation; None for the one last written to."""
    system: str = ""
    """The system prompt of conversations that begin in this session. If no conversation is named,
    the first of them begins at once.
    """
