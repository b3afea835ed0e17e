"""What a conversion says besides errors: single sentences for the person who converts."""

from collections.abc import Callable

Note = Callable[[str], None]
"""Called with a whole sentence about something unusual that does not stop the conversion."""


def silent(sentence: str) -> None:
    """Drop the note, where nobody reads notes."""
