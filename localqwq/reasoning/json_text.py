"""Rules for JSON text without a schema, and for strings and numbers in it."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from localqwq.reasoning.gbnf import Rules, literal, no_character

DEPTH = 32
"""Maximum nesting of objects and arrays without a schema."""

CONTROL = (0, 0x1F)
UNESCAPED = (CONTROL, (ord('"'), ord('"')), (ord("\\"), ord("\\")))
"""Characters that must be escaped in a JSON string."""
_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
_LONGEST_NAME = 64

_HEX = "[0-9a-fA-F]"
_ESCAPE = (
    r'"\\" (["\\/bfnrt] | "u" ('
    f"[0-9abcefABCEF] {_HEX}{{3}} | [dD] [0-7] {_HEX}{{2}} | "
    # Half of a surrogate pair alone is not text.
    rf'[dD] [89abAB] {_HEX}{{2}} "\\u" [dD] [c-fC-F] {_HEX}{{2}}))'
)


class JsonText:
    """The rules, each created on first use."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._values: dict[int, str] = {}

    @property
    def space(self) -> str:
        """Usual white space: none, a space, or a new line with its indent."""
        return self.rules.add(r'"" | " " | "\n" [ \t]{0,20}')

    @property
    def gap(self) -> str:
        """White space before a value on its line."""
        return self.rules.add('"" | " "')

    @property
    def letter(self) -> str:
        """A character in a string."""
        return self.rules.add(f"{no_character(UNESCAPED)} | {_ESCAPE}")

    @property
    def string(self) -> str:
        """Any string."""
        return self.rules.add(rf'"\"" {self.letter}* "\""')

    @property
    def integer(self) -> str:
        """An integer of at most 18 digits, which fits 64 bits."""
        return self.rules.add('"-"? ("0" | [1-9] [0-9]{0,17})')

    @property
    def number(self) -> str:
        """A number that fits the usual 64 bits."""
        return self.rules.add(
            '"-"? ("0" | [1-9] [0-9]{0,17}) ("." [0-9]{1,18})? ([eE] [-+]? [0-9]{1,2})?'
        )

    @property
    def boolean(self) -> str:
        """True or false."""
        return self.rules.add('"true" | "false"')

    @property
    def null(self) -> str:
        """Null."""
        return self.rules.add('"null"')

    def value(self, depth: int = DEPTH) -> str:
        """Return the rule for any value with at most ``depth`` levels of objects and arrays."""
        if depth not in self._values:
            kinds = [self.string, self.number, self.boolean, self.null]
            if depth > 0:
                kinds += [self.object(depth), self.array(depth)]
            self._values[depth] = self.rules.union(kinds)
        return self._values[depth]

    def object(self, depth: int = DEPTH) -> str:
        """Return the rule for any object."""
        return self.mapping(self.string, self.value(depth - 1))

    def array(self, depth: int = DEPTH) -> str:
        """Return the rule for any array."""
        return self.listing(self.value(depth - 1), 0, None)

    def mapping(self, key: str, value: str) -> str:
        """Return the rule for an object with any number of keys and values by these rules."""
        pair = self.rules.add(f'{key} ":" {self.gap} {value}')
        pairs = f'{pair} ("," {self.space} {pair})*'
        return self.rules.add(f'"{{" {self.space} ({pairs} {self.space})? "}}"')

    def listing(self, item: str, low: int, high: int | None) -> str:
        """Return the rule for an array with this number of items."""
        space = self.space
        if high == 0:
            return self.rules.add(f'"[" {space} "]"')
        more = self.rules.add(f'"," {space} {item}')
        rest = self.rules.repeat(more, max(0, low - 1), None if high is None else high - 1)
        if low > 0:
            return self.rules.add(f'"[" {space} {item} {rest} {space} "]"')
        return self.rules.add(f'"[" {space} ({item} {rest} {space})? "]"')

    def other_key(self, names: Iterable[str]) -> str:
        """Return the rule for a key that is none of these names.

        It has no escapes, which would allow writing a name in another way.
        """
        rest = self.rules.add(rf'{no_character(UNESCAPED)}* "\""')
        plain = [name for name in names if not _ESCAPED.search(name)]
        return self.rules.add(rf'"\"" {self._none_of(plain, rest, _LONGEST_NAME)}')

    def values(self, texts: Iterable[str]) -> str:
        """Return the rule for any of these texts, with common beginnings merged."""
        ways = []
        for group in _by_first(texts).values():
            start = _common_start(group)
            rest = f" {self.values(text[len(start) :] for text in group)}" if group[1:] else ""
            ways.append(literal(start) + rest)
        return self.rules.add(" | ".join(ways))

    def _none_of(self, names: Sequence[str], rest: str, depth: int) -> str:
        """Return the rule for the rest up to the quotation mark, without these endings.

        For names longer than ``depth``, everything with their beginning is forbidden.
        """
        if not names:
            return rest
        groups = _by_first(names)
        ended = groups.pop("", None) is not None
        firsts = [(ord(first), ord(first)) for first in groups]
        ways = [f"{no_character([*UNESCAPED, *firsts])} {rest}"]
        if not ended:
            ways.append(r'"\""')
        if depth > 0:
            for first, group in groups.items():
                follows = self._none_of([name[1:] for name in group], rest, depth - 1)
                ways.append(f"{literal(first)} {follows}")
        return self.rules.add(" | ".join(ways))


def json_literal(value: Any) -> str:
    """Return the value as JSON text; raises ``ValueError`` for numbers that JSON cannot express.

    Half a surrogate pair is escaped, since it cannot be encoded.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    return json.dumps(value)


def _by_first(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return the texts, each once, by their first character."""
    groups: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        groups.setdefault(text[:1], []).append(text)
    return groups


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    pairs = zip(first, last, strict=False)
    different = (at for at, (one, other) in enumerate(pairs) if one != other)
    return first[: next(different, min(len(first), len(last)))]
