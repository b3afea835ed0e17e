"""Text from elsewhere, harmless to the terminal that shows it."""

from __future__ import annotations

_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_SPACES = dict.fromkeys([0x0D, 0x85, 0x2028, 0x2029], " ")
"""What ends lines for some programs and not for others."""
_UNKNOWN = dict.fromkeys([*range(0x80, 0x85), *range(0x86, 0xA0)], "\ufffd")
_TABLE: dict[int, int | str] = {**_PICTURES, 0x7F: "\u2421", **_UNKNOWN, **_SPACES}


def visible(text: str) -> str:
    """`text` with control characters as signs, one for one; tabs and line feeds stay.

    A terminal obeys an escape sequence in whatever is written to it, such as a model's answer.
    """
    return text.translate(_TABLE)
