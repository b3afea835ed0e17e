"""What came out of a document."""

from __future__ import annotations

from dataclasses import dataclass

MEMORY = 4 << 30
"""Bytes that reading one document may take."""


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of a file, and what of the file is not in it."""

    text: str
    remarks: tuple[str, ...] = ()
    """What people should know: what was left out, or guessed. Phrases without a full stop."""


class UnreadableError(Exception):
    """No text can be had from a file; its words are a phrase that says why."""
