"""Converting the text of the search box to conditions for SQLite."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

MARK, UNMARK = "\ufdd0", "\ufdd1"
"""Markers around matches in a snippet: two code points that no text may contain."""

MOST_WORDS = 16
MOST_LETTERS = 200
"""Anything typed beyond this length is ignored."""
BEFORE, AFTER = 30, 70
"""Characters of a snippet before and after the first match."""

_LATIN = range(0xC0, 0x250), range(0x1E00, 0x1F00)
"""The ranges of accented letters that the index treats like unaccented ones."""
_SEPARATORS = re.compile(r"[\s\x00-\x1f\x7f]+")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Kana and Han: written without spaces, so the index has no words."""


@dataclass(frozen=True, slots=True)
class Query:
    """All ``words`` at the beginning of words, and all ``literal`` texts anywhere."""

    words: tuple[str, ...]
    literal: tuple[str, ...]
    """Texts that the index cannot fully represent, such as ``c++``."""

    @property
    def match(self) -> str:
        """The words in FTS5's syntax; empty if there are none."""
        return " AND ".join('"' + word.replace('"', '""') + '"*' for word in self.words)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The literals as LIKE patterns, escaped with a backslash."""
        return tuple("%" + re.sub(r"([\\%_])", r"\\\1", word) + "%" for word in self.literal)


def parse(text: str) -> Query:
    """Return the query meant by ``text``, possibly empty."""
    typed = [word for word in _SEPARATORS.split(text[:MOST_LETTERS]) if word][:MOST_WORDS]
    return Query(
        tuple(word for word in typed if _is_indexed(word)),
        tuple(word for word in typed if not (word.isalnum() and _is_indexed(word))),
    )


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds again in a text what the index found, to show it."""

    words: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, query: Query) -> Finder:
        """Return a finder for words at their beginnings, and literals anywhere."""
        found = [_beginning(word) for word in query.words if word not in query.literal]
        found += map(re.escape, query.literal)
        return cls(tuple(re.compile(each, re.IGNORECASE) for each in found))

    def count(self, text: str) -> int:
        """Return how many of the words occur."""
        return sum(1 for word in self.words if word.search(text))

    def snippet(self, text: str) -> str:
        """Return a short part of the text with the most matches, all of them marked."""
        firsts = [match.start() for word in self.words if (match := word.search(text))]
        parts = [text[max(0, first - BEFORE) : first + AFTER] for first in firsts]
        if not parts:
            return text[: BEFORE + AFTER]
        part, first = max(zip(parts, firsts, strict=True), key=lambda each: self.count(each[0]))
        before = "…" if first > BEFORE else ""
        after = "…" if first + AFTER < len(text) else ""
        return before + self._marked(part) + after

    def _marked(self, text: str) -> str:
        either = re.compile("|".join(word.pattern for word in self.words), re.IGNORECASE)
        return either.sub(lambda match: MARK + match.group() + UNMARK, text)


def pieces(marked: str) -> list[tuple[str, bool]]:
    """Return a snippet on one line, in pieces, each with whether it is a match."""
    parts = re.split(f"([{MARK}{UNMARK}])", " ".join(marked.split()))
    found = False
    result: list[tuple[str, bool]] = []
    for part in parts:
        if part in (MARK, UNMARK):
            found = part == MARK
        elif part:
            result.append((part, found))
    return result


def _is_indexed(word: str) -> bool:
    return any(letter.isalnum() for letter in word) and not _SPACELESS.search(word)


def _beginning(word: str) -> str:
    """Return a pattern for words with this beginning, as the index treats letters."""
    letters = "".join(f"{_variants(_base(letter))}[\u0300-\u036f]*" for letter in word)
    return f"(?<![^\\W_]){letters}[^\\W_]*"


def _base(letter: str) -> str:
    """Return the letter without its accents."""
    return unicodedata.normalize("NFD", letter)[0].lower()


def _variants(letter: str) -> str:
    """Return a pattern for the letter with any accents."""
    return f"[{re.escape(letter)}{_accented().get(letter, '')}]"


@cache
def _accented() -> dict[str, str]:
    found: dict[str, str] = {}
    for letter in (chr(number) for numbers in _LATIN for number in numbers):
        base = _base(letter)
        if base != letter.lower():
            found[base] = found.get(base, "") + letter
    return found
