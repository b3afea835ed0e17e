"""Foreign text made harmless to the terminal that shows it and to the person who reads it.

A terminal obeys escape sequences in whatever is written to it, and text can contain more than meets
the eye: characters that reverse the order of others, have no width, or spell a message that only
machines read. Each is replaced with one visible sign, so that positions in the text stay the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import chain

UNKNOWN = "\ufffd"
"""Replacement for characters without a sign of their own."""

_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_SPACES = dict.fromkeys([0x0D, 0x85, 0x2028, 0x2029], " ")
"""Characters that end lines in some programs only."""
_UNSEEN = dict.fromkeys([*range(0x80, 0x85), *range(0x86, 0xA0)], UNKNOWN)
_CONTROLS: dict[int, int | str] = {**_PICTURES, 0x7F: "\u2421", **_UNSEEN, **_SPACES}

_HIDDEN = [
    *((code, code) for code in (0xAD, 0x34F, 0x61C, 0x3164, 0xFEFF, 0xFFA0)),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0xD800, 0xDFFF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
]
"""Unicode's ignorable characters, direction marks and noncharacters."""

_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f"
"""The flag of a subdivision such as Scotland: a black flag and its code in tags."""
_RANGES = "".join(f"{chr(first)}-{chr(last)}" for first, last in _HIDDEN)
_HELD = 16
"""Maximum of hidden characters that wait for the next one; no emoji has more."""
_JOINING = (
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1900-\u1cff\ua800-\uaaff\uabc0-\uabff"
    "\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\U00010a00-\U00010aff\U00011000-\U00011fff"
    "\U0001e900-\U0001e95f]"
)
"""Arabic, Indic and other scripts whose letters are joined or separated by hidden signs."""
_WITHOUT_SPACES = "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1a20-\u1aaf]"
"""Thai, Khmer and others, in which a zero-width space marks a possible line break."""


def visible(text: str) -> str:
    """Return ``text`` with control and hidden characters as signs; tabs and line feeds stay.

    Hidden characters stay where they serve their purpose: in emoji, in scripts that join letters,
    after a character with variants, beside a word written from right to left.
    """
    code = visible_code(text)
    return code if code == text else _found().sub(_sign, text.translate(_CONTROLS))


def visible_code(text: str) -> str:
    """Return ``text`` like :func:`visible`, without exceptions: programs read every character."""
    return text.translate(_CONTROLS if text.isascii() else _all())


def one_line(text: str) -> str:
    """Return ``text`` on one line: spaces for control characters, signs for hidden ones."""
    return visible("".join(c if c.isprintable() or is_hidden(c) else " " for c in text))


def is_hidden(character: str) -> bool:
    """Return whether a character may be hidden; its surroundings decide."""
    return not character.isascii() and ord(character) in _signs()


# Made when they are needed: every start of the program would pay for them.


@cache
def _signs() -> dict[int, str]:
    return dict.fromkeys(chain(*(range(first, last + 1) for first, last in _HIDDEN)), UNKNOWN)


@cache
def _all() -> dict[int, int | str]:
    return {**_CONTROLS, **_signs()}


@cache
def _found() -> re.Pattern[str]:
    return re.compile(f"(?P<flag>{_FLAG})|[{_RANGES}]")


def _sign(match: re.Match[str]) -> str:
    found = match[0]
    if match["flag"]:
        return found
    before = match.string[match.start() - 1] if match.start() else "\n"
    after = match.string[match.end() : match.end() + 1] or "\n"
    return found if _is_needed(found, before, after) else UNKNOWN


def _is_needed(found: str, before: str, after: str) -> bool:
    """Return whether a hidden character serves its purpose between its neighbours."""
    match found:
        case "\u200d":
            return _joins_emoji(before, after) or _is_joining(before)
        case "\u200c":
            return _is_joining(before)
        case "\u200b":
            return any(re.match(_WITHOUT_SPACES, beside) for beside in (before, after))
        case "\u200e" | "\u200f" | "\u061c":
            return any(
                unicodedata.bidirectional(beside) in ("R", "AL") for beside in before + after
            )
        case "\ufe0e" | "\ufe0f":
            return before in "0123456789#*‼⁉〰〽" or unicodedata.category(before) in ("So", "Sm")
    if "\u180b" <= found <= "\u180f":
        return "\u1800" <= before <= "\u18aa" and found != "\u180e"
    if "\ufe00" <= found <= "\ufe0d" or "\U000e0100" <= found <= "\U000e01ef":
        return unicodedata.category(before) in ("Lo", "Sm", "So") and not is_hidden(before)
    return False


def _joins_emoji(before: str, after: str) -> bool:
    joined = unicodedata.category(before) in ("So", "Sk") or before in "\ufe0f\U000e007f"
    return joined and unicodedata.category(after) in ("So", "Sm")


def _is_joining(letter: str) -> bool:
    return re.match(_JOINING, letter) is not None and unicodedata.category(letter)[0] in "LM"


class VisiblePieces:
    """Make text visible that arrives in pieces.

    Which characters may stay depends on their neighbours, so hidden characters at the end of a
    piece are held back until the next one.
    """

    def __init__(self) -> None:
        self._before = ""
        """The last character that was returned."""
        self._held = ""

    def take(self, piece: str) -> str:
        """Return what can be shown after ``piece`` arrived."""
        text = self._before + self._held + piece
        end = len(text)
        while end > len(self._before) and len(text) - end < _HELD and is_hidden(text[end - 1]):
            end -= 1
        shown = visible(text[:end])[len(self._before) :]
        self._before, self._held = text[:end][-1:], text[end:]
        return shown

    def rest(self) -> str:
        """Return what was held back, as nothing follows it."""
        shown = visible(self._before + self._held)[len(self._before) :]
        self._before, self._held = (self._before + self._held)[-1:], ""
        return shown
