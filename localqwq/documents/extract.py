"""The text extracted from a document."""

from __future__ import annotations

from dataclasses import dataclass

MEMORY = 4 << 30
"""Maximum memory in bytes for reading one document."""


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of a file, and what was left out."""

    text: str
    remarks: tuple[str, ...] = ()
    """What people should know: what was left out, or guessed. Phrases without a full stop."""


class UnreadableError(Exception):
    """A file has no readable text; the message is a phrase that says why."""
