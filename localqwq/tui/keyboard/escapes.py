"""Telling the Escape key from the beginning of a sequence in a terminal's input.

Both send the same character, and so does Alt before another key. Textual's parser takes Escape and
a word typed at once for one sequence, and types what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

ESCAPE = "\x1b"
_WORDS = frozenset("fb")
"""Letters that terminals send with Alt for moving by a word."""
_AFTER_O = frozenset("PQRSABCDFHMabcd")
"""Characters after ``ESC O`` that make a key of it; the keypad's letters come only on request."""


@dataclass(frozen=True, slots=True)
class EscapeKey:
    """The Escape key."""


@dataclass(frozen=True, slots=True)
class AltKey:
    """A character typed with Alt."""

    character: str

    @property
    def name(self) -> str:
        """The key's name in Textual."""
        return alt_name(self.character)


class Escapes:
    """Splits a terminal's text, however it is divided."""

    def __init__(self, bound: Callable[[], Collection[str]]) -> None:
        """Set up; ``bound``: names of the keys that do something, such as ``alt+x``."""
        self._bound = bound
        self._rest = ""

    @property
    def is_waiting(self) -> bool:
        """Whether text is held back that may begin a sequence."""
        return bool(self._rest)

    def feed(self, text: str) -> Iterator[str | EscapeKey | AltKey]:
        """Yield keys that have been told apart, and the text between them, in order."""
        text, self._rest = self._rest + text, ""
        while (at := text.find(ESCAPE)) >= 0:
            if at:
                yield text[:at]
            text = text[at:]
            rest = text.lstrip(ESCAPE)
            escapes = len(text) - len(rest)
            if not rest or rest == "O":
                self._rest = text
                return
            if rest[0] == "[" or not rest[0].isprintable() or rest[0] in _WORDS or _is_key(rest):
                # a sequence, which ends before the next one
                end = text.find(ESCAPE, escapes)
                end = len(text) if end < 0 else end
                yield text[:end]
                text = text[end:]
                continue
            is_alt = alt_name(rest[0]) in self._bound()
            yield from (EscapeKey() for _ in range(escapes - is_alt))
            text = rest
            if is_alt:
                yield AltKey(rest[0])
                text = rest[1:]
        if text:
            yield text

    def release(self) -> Iterator[str | EscapeKey]:
        """Yield what was held back, as nothing more will come."""
        rest, self._rest = self._rest, ""
        for character in rest:
            yield EscapeKey() if character == ESCAPE else character


def alt_name(character: str) -> str:
    """Return Textual's name of the key that types a character, with Alt."""
    return f"alt+shift+{character.lower()}" if character.isupper() else f"alt+{character}"


def _is_key(rest: str) -> bool:
    return rest[0] == "O" and rest[1] in _AFTER_O
