"""Grammars in llama.cpp's format (GBNF), built rule by rule within limits."""

from collections.abc import Iterable, Sequence
from math import isqrt

MAX_ELEMENTS = 300_000
"""Maximum size of a grammar, roughly in characters."""
MAX_REPETITIONS = 1_000_000
_MOST_AT_ONCE = 1000
"""Maximum repetitions of a rule; llama.cpp allows 2,000."""

Ranges = Sequence[tuple[int, int]]
"""Inclusive ranges of code points."""


class GrammarTooLarge(ValueError):
    """The grammar exceeds its limits."""


class Rules:
    """The rules of a grammar. Rules with the same body are stored once."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._size = 0

    def reserve(self) -> str:
        """Return a name whose body is defined later, since it may refer to itself."""
        name = f"r{len(self._bodies)}"
        self._bodies[name] = ""
        return name

    def define(self, name: str, body: str) -> None:
        """Define the body of a rule. It must not begin with an empty alternative: write ``""`` for
        it.
        """
        self._bodies[name] = body
        self._charge(len(body))

    def add(self, body: str) -> str:
        """Return the name of the rule with this body."""
        name = self._names.get(body)
        if name is None:
            name = self._names[body] = self.reserve()
            self.define(name, body)
        return name

    def union(self, names: Iterable[str]) -> str:
        """Return the name of a rule for any of several."""
        different = list(dict.fromkeys(names))
        return different[0] if len(different) == 1 else self.add(" | ".join(different))

    def repeat(self, name: str, low: int, high: int | None) -> str:
        """Return an expression for a rule's repetition; ``high`` is exact or slightly lower.

        Many repetitions are nested in blocks: llama.cpp creates a rule for each optional one.
        """
        if max(low, high or 0) > MAX_REPETITIONS:
            raise GrammarTooLarge(f"more than {MAX_REPETITIONS} repetitions")
        parts = [self._exactly(name, low)] if low else []
        if high is None:
            parts.append(f"{name}*")
        elif high > low:
            parts.append(self._at_most(name, high - low))
        return " ".join(parts) or '""'

    def text(self, root: str) -> str:
        """Return the whole grammar, which starts with the rule ``root``."""
        lines = [f"root ::= {root}", *(f"{name} ::= {body}" for name, body in self._bodies.items())]
        return "\n".join(lines) + "\n"

    def _exactly(self, name: str, count: int) -> str:
        if count <= _MOST_AT_ONCE:
            self._charge(count)
            return f"{name}{{{count}}}"
        blocks, rest = divmod(count, _MOST_AT_ONCE)
        block = self.add(self._exactly(name, _MOST_AT_ONCE))
        parts = [self._exactly(block, blocks)]
        return " ".join([*parts, self._exactly(name, rest)] if rest else parts)

    def _at_most(self, name: str, count: int) -> str:
        if count <= 200:
            self._charge(3 * count)
            return f"{name}{{0,{count}}}"
        size = isqrt(count)
        block = self.add(self._exactly(name, size))
        blocks = (count - (size - 1)) // size
        self._charge(3 * (blocks + size))
        return f"{block}{{0,{blocks}}} {name}{{0,{size - 1}}}"

    def _charge(self, elements: int) -> None:
        self._size += elements
        if self._size > MAX_ELEMENTS:
            raise GrammarTooLarge("it is too large")


def literal(text: str) -> str:
    """Return an expression for exactly this text, which must not contain NUL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(map(_escaped_control, escaped)) + '"'


def character(ranges: Ranges) -> str:
    """Return an expression for one character in the ranges, which must not be empty."""
    return "[" + "".join(_range(low, high) for low, high in ranges) + "]"


def no_character(ranges: Ranges) -> str:
    """Return an expression for one character outside the ranges."""
    return "[^" + "".join(_range(low, high) for low, high in ranges) + "]"


def _range(low: int, high: int) -> str:
    return _code(low) if low == high else f"{_code(low)}-{_code(high)}"


def _code(point: int) -> str:
    plain = chr(point)
    return plain if plain.isascii() and plain.isalnum() else f"\\U{point:08X}"


def _escaped_control(letter: str) -> str:
    return letter if letter.isprintable() else f"\\U{ord(letter):08X}"
