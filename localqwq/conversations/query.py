"""What somebody types into the search box, as conditions for SQLite."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

MARK, UNMARK = "\ufdd0", "\ufdd1"
"""Around what was found in a snippet: two code points that no text may hold."""

MOST_WORDS = 16
MOST_LETTERS = 200
"""What is typed beyond that is not looked at."""
BEFORE, AFTER = 30, 70
"""Characters of a snippet before and after the first thing that was found."""

_LATIN = range(0xC0, 0x250), range(0x1E00, 0x1F00)
"""Where the letters with accents are that the index takes for those without."""
_SEPARATORS = re.compile(r"[\s\x00-\x1f\x7f]+")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Kana and Han: written without spaces, so the index knows no words."""


@dataclass(frozen=True, slots=True)
class Query:
    """All of `words` at the beginning of words, and all of `literal` anywhere."""

    words: tuple[str, ...]
    literal: tuple[str, ...]
    """Those in which the index sees less than was typed, as in ``c++``, or nothing."""

    @property
    def match(self) -> str:
        """The words in FTS5's language; empty where there are none."""
        return " AND ".join('"' + word.replace('"', '""') + '"*' for word in self.words)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The literals as patterns of LIKE, with a backslash as the escape."""
        return tuple("%" + re.sub(r"([\\%_])", r"\\\1", word) + "%" for word in self.literal)


def parse(text: str) -> Query:
    """The query that `text` means; without words and literals where it means none."""
    typed = [word for word in _SEPARATORS.split(text[:MOST_LETTERS]) if word][:MOST_WORDS]
    return Query(
        tuple(word for word in typed if _is_indexed(word)),
        tuple(word for word in typed if not (word.isalnum() and _is_indexed(word))),
    )


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds in a text what the index found in it, for people to see."""

    words: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, query: Query) -> Finder:
        """One that sees words at their beginnings, and literals anywhere."""
        found = [_beginning(word) for word in query.words if word not in query.literal]
        found += map(re.escape, query.literal)
        return cls(tuple(re.compile(each, re.IGNORECASE) for each in found))

    def count(self, text: str) -> int:
        """How many of the words are there."""
        return sum(1 for word in self.words if word.search(text))

    def snippet(self, text: str) -> str:
        """A few words of the text, where the most are found together, all of them marked."""
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
    """A snippet on one line, in pieces, each with whether it was found."""
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
    """The pattern of words that begin so, as the index reads letters."""
    letters = "".join(f"{_variants(_base(letter))}[\u0300-\u036f]*" for letter in word)
    return f"(?<![^\\W_]){letters}[^\\W_]*"


def _base(letter: str) -> str:
    """The letter without its accents."""
    return unicodedata.normalize("NFD", letter)[0].lower()


def _variants(letter: str) -> str:
    """The pattern of that letter with any accents."""
    return f"[{re.escape(letter)}{_accented().get(letter, '')}]"


@cache
def _accented() -> dict[str, str]:
    found: dict[str, str] = {}
    for letter in (chr(number) for numbers in _LATIN for number in numbers):
        base = _base(letter)
        if base != letter.lower():
            found[base] = found.get(base, "") + letter
    return found
