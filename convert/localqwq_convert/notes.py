"""Remarks of a conversion for the person who converts."""

from collections.abc import Callable

Note = Callable[[str], None]
"""Called with a sentence about something unusual that does not stop the conversion."""


def silent(sentence: str) -> None:
    """Drop the note."""
