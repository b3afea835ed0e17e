"""Grammars in llama.cpp's form (GBNF), put together rule by rule within bounds."""

from collections.abc import Iterable, Sequence
from math import isqrt

MAX_ELEMENTS = 300_000
"""Size of a grammar, about its characters."""
MAX_REPETITIONS = 1_000_000
_MOST_AT_ONCE = 1000
"""llama.cpp takes no more than 2,000 repetitions of a rule."""

Ranges = Sequence[tuple[int, int]]
"""Code points from and to, both included."""


class GrammarTooLarge(ValueError):
    """The grammar has outgrown its bounds."""


class Rules:
    """The rules of a grammar. Rules with the same body are one, however often they are added."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._size = 0

    def reserve(self) -> str:
        """A name whose body comes later, since it may refer to itself."""
        name = f"r{len(self._bodies)}"
        self._bodies[name] = ""
        return name

    def define(self, name: str, body: str) -> None:
        """The body of a rule. It must not begin with an empty alternative: write ``""`` for it."""
        self._bodies[name] = body
        self._charge(len(body))

    def add(self, body: str) -> str:
        """The name of the rule with this body."""
        name = self._names.get(body)
        if name is None:
            name = self._names[body] = self.reserve()
            self.define(name, body)
        return name

    def union(self, names: Iterable[str]) -> str:
        """The name of a rule for any of several."""
        different = list(dict.fromkeys(names))
        return different[0] if len(different) == 1 else self.add(" | ".join(different))

    def repeat(self, name: str, low: int, high: int | None) -> str:
        """An expression for a rule's repetition; ``high`` is kept to exactly or a little below.

        Many repetitions are blocks of blocks: llama.cpp makes a rule of each optional one.
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
        """The whole grammar, which begins with the rule ``root``."""
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
    """An expression for exactly this text, which has no NUL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(map(_escaped_control, escaped)) + '"'


def character(ranges: Ranges) -> str:
    """An expression for one character out of the ranges, of which there must be some."""
    return "[" + "".join(_range(low, high) for low, high in ranges) + "]"


def no_character(ranges: Ranges) -> str:
    """An expression for one character out of none of the ranges."""
    return "[^" + "".join(_range(low, high) for low, high in ranges) + "]"


def _range(low: int, high: int) -> str:
    return _code(low) if low == high else f"{_code(low)}-{_code(high)}"


def _code(point: int) -> str:
    plain = chr(point)
    return plain if plain.isascii() and plain.isalnum() else f"\\U{point:08X}"


def _escaped_control(letter: str) -> str:
    return letter if letter.isprintable() else f"\\U{ord(letter):08X}"
