"""Free text in a manifest: short, and with nothing that a terminal would obey."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

MAX_TEXT = 200
"""Maximum characters of a free text."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("contains control characters")
    return text


Text = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(_printable)]
