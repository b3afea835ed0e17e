"""Regular expressions (ECMA 262) as grammar rules, as far as possible."""

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from localqwq.reasoning.gbnf import Rules, character, literal
from localqwq.reasoning.json_text import CONTROL, JsonText

MAX_LENGTH = 1000
MAX_PLACES = 500
"""Maximum positions of a pattern, all of which may be active at once."""
MAX_LOOSE_PLACES = 100
"""The same within repetitions of variable length, where that is likely."""

_LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_QUANTIFIER = re.compile(r"([*+?]|\{\d{1,4}(,(\d{1,4})?)?\})\??")
_ESCAPES = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "0": 0, "b": 8}
_SHORT = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r"}

_Set = tuple[tuple[int, int], ...]
"""Disjoint ranges of code points in order."""

_DIGITS: _Set = ((48, 57),)
_WORDS: _Set = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACES: _Set = ((9, 13), (32, 32), (160, 160), (0x2028, 0x2029), (0xFEFF, 0xFEFF))
_BREAKS: _Set = ((10, 10), (13, 13), (0x2028, 0x2029))
_CLASSES = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}


class _Letters(Protocol):
    """How the characters of a text are written."""

    @property
    def rules(self) -> Rules:
        """The rules to add to."""

    @property
    def any(self) -> str:
        """The rule for any character."""

    def of(self, points: _Set) -> list[str]:
        """Return expressions for the ways to write one of these code points."""


class _JsonLetters:
    """Characters in a JSON string."""

    def __init__(self, text: JsonText) -> None:
        self.rules = text.rules
        self._text = text

    @property
    def any(self) -> str:
        return self._text.letter

    def of(self, points: _Set) -> list[str]:
        plain = _cut(points, (CONTROL, (34, 34), (92, 92), _SURROGATES))
        ways = [character(plain)] if plain else []
        return ways + [
            literal("\\" + _SHORT.get(point, chr(point)))
            for point in (34, 92, *_SHORT)
            if _has(points, point)
        ]


class _PlainLetters:
    """Characters as they are."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    @property
    def any(self) -> str:
        return self.rules.add(character(_cut(((1, _LAST),), (_SURROGATES,))))

    def of(self, points: _Set) -> list[str]:
        plain = _cut(points, ((0, 0), _SURROGATES))
        return [character(plain)] if plain else []


class _Piece(NamedTuple):
    """A part of a pattern."""

    rule: str
    empty: bool
    """Whether it matches the empty text."""
    places: int
    loose: bool
    """Whether it matches texts in several ways or of several lengths."""


class PatternRefused(ValueError):
    """A pattern that no grammar can enforce; the message names the obstacle."""


def pattern_rule(text: JsonText, pattern: str) -> str:
    """Return an expression for a JSON string, including quotation marks, that matches the
    pattern.
    """
    return rf'"\"" {_Parser(_JsonLetters(text), pattern).somewhere()} "\""'


def full_match_rule(rules: Rules, pattern: str) -> str:
    """Return the rule for texts that match the whole pattern."""
    return _Parser(_PlainLetters(rules), pattern).everything()


class _Parser:
    """Parses one pattern from left to right."""

    def __init__(self, letters: _Letters, pattern: str) -> None:
        if len(pattern) > MAX_LENGTH:
            raise PatternRefused(f"it has more than {MAX_LENGTH} characters")
        self._letters = letters
        self._rules: Rules = letters.rules
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def somewhere(self) -> str:
        """Return the rule for all texts that contain a match."""
        return self._whole(f"{self._letters.any}*")

    def everything(self) -> str:
        """Return the rule for all texts that match as a whole."""
        return self._whole("")

    def _whole(self, beside: str) -> str:
        """Return the rule; as in ECMA 262, anchors belong to alternatives; ``beside`` fills in
        without them.
        """
        ways, places = [], 0
        while True:
            anywhere = not self._take("^")
            piece = self._sequence()
            end = self._take("$")
            places += piece.places
            if places > MAX_PLACES:
                raise PatternRefused("it is too large")
            parts = (beside if anywhere else "", piece.rule, "" if end else beside)
            ways.append(self._rules.add(" ".join(filter(None, parts))))
            if self._at == len(self._pattern):
                return self._rules.union(ways)
            if not self._take("|"):
                raise PatternRefused(f"{self._pattern[self._at]!r} at {self._at}")

    def _alternatives(self) -> _Piece:
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return _Piece(
            self._rules.union(self._rules.add(piece.rule) for piece in found),
            any(piece.empty for piece in found),
            sum(piece.places for piece in found),
            len(found) > 1 or found[0].loose,
        )

    def _sequence(self) -> _Piece:
        pieces = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)$":
            pieces.append(self._repeated(self._item()))
        return _Piece(
            " ".join(piece.rule for piece in pieces) or '""',
            all(piece.empty for piece in pieces),
            sum(piece.places for piece in pieces),
            any(piece.loose for piece in pieces),
        )

    def _repeated(self, piece: _Piece) -> _Piece:
        match = _QUANTIFIER.match(self._pattern, self._at)
        if match is None:
            return piece
        self._at = match.end()
        low, high = _bounds(match[1])
        if piece.empty and (low, high) != (0, 1):
            raise PatternRefused("a repetition of what can be empty")
        if high is not None and high < low:
            raise PatternRefused(f"the quantifier {match[1]}")
        times = max(low, high or 1, 1)
        places = times * piece.places
        if places > (MAX_LOOSE_PLACES if piece.loose and times > 1 else MAX_PLACES):
            raise PatternRefused("it is too large")
        rule = self._rules.repeat(piece.rule, low, high)
        return _Piece(rule, piece.empty or low == 0, places, piece.loose or low != high)

    def _item(self) -> _Piece:
        letter = self._next()
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._one_of(self._class())
        if letter == ".":
            return self._one_of(_without(_BREAKS))
        if letter == "\\":
            return self._one_of(self._escape())
        if letter in "*+?^" or (letter == "{" and _QUANTIFIER.match(self._pattern, self._at - 1)):
            raise PatternRefused(f"{letter!r} at {self._at - 1}")
        return self._one_of(((ord(letter), ord(letter)),))

    def _group(self) -> _Piece:
        if self._take("?") and not self._take(":"):
            raise PatternRefused("a look-around or a named group")
        self._depth += 1
        if self._depth > 32:
            raise PatternRefused("it nests too deeply")
        found = self._alternatives()
        self._depth -= 1
        if not self._take(")"):
            raise PatternRefused("an open parenthesis, or an anchor within one")
        return found

    def _one_of(self, points: _Set) -> _Piece:
        """Return a rule for one character."""
        ways = self._letters.of(points)
        if not ways:
            raise PatternRefused("a class without characters")
        return _Piece(self._rules.add(" | ".join(ways)), False, 1, False)

    def _class(self) -> _Set:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            some = self._class_item()
            single = len(some) == 1 and some[0][0] == some[0][1]
            follows = self._pattern[self._at : self._at + 2]
            if single and follows[:1] == "-" and follows[1:] not in ("", "]"):
                self._at += 1
                upper = self._class_item()
                if len(upper) != 1 or upper[0][0] != upper[0][1] or upper[0][0] < some[0][0]:
                    raise PatternRefused("a range in a class")
                some = ((some[0][0], upper[0][0]),)
            ranges += some
        return _without(ranges) if negated else tuple(ranges)

    def _class_item(self) -> _Set:
        letter = self._next()
        if letter == "\\":
            return self._escape()
        return ((ord(letter), ord(letter)),)

    def _escape(self) -> _Set:
        letter = self._next()
        if letter.lower() in _CLASSES:
            inside = _CLASSES[letter.lower()]
            return inside if letter.islower() else _without(inside)
        if letter in "xu":
            width = 2 if letter == "x" else 4
            digits = self._pattern[self._at : self._at + width]
            if not re.fullmatch(rf"[0-9a-fA-F]{{{width}}}", digits):
                raise PatternRefused(f"the escape \\{letter}")
            self._at += width
            return ((int(digits, 16), int(digits, 16)),)
        if letter in "nrtfv0":
            return ((_ESCAPES[letter], _ESCAPES[letter]),)
        if letter.isalnum():
            raise PatternRefused(f"the escape \\{letter}")
        return ((ord(letter), ord(letter)),)

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise PatternRefused("it ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _take(self, letter: str) -> bool:
        found = self._pattern.startswith(letter, self._at)
        self._at += found
        return found


def _bounds(quantifier: str) -> tuple[int, int | None]:
    if quantifier in "*+?":
        return int(quantifier == "+"), 1 if quantifier == "?" else None
    low, comma, high = quantifier[1:-1].partition(",")
    return int(low), (int(high) if high else None) if comma else int(low)


def _without(points: Iterable[tuple[int, int]]) -> _Set:
    return _cut(((0, _LAST),), points)


def _cut(points: Iterable[tuple[int, int]], holes: Iterable[tuple[int, int]]) -> _Set:
    """Return the ranges without the holes."""
    left = list(points)
    for low, high in holes:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, low - 1)), (max(start, high + 1), end))
            if piece[0] <= piece[1]
        ]
    return tuple(sorted(set(left)))


def _has(points: _Set, point: int) -> bool:
    return any(low <= point <= high for low, high in points)
