"""Bounds of JSON text that its readers have, and that JSON Schema cannot express.

Numbers stay within the usual 64 bits, so that no reader turns them into infinity and no model
writes the digits of 1/3 without end. Values nest as deep as readers follow. The names of
properties have no numbered escapes, which would allow writing one name in two ways.
"""

from copy import copy
from typing import Self

MAX_DIGITS = 18
"""Digits of an integer that fit 64 bits, and of a number after its point."""
MAX_EXPONENT = 2
"""Digits of an exponent."""
MAX_DEPTH = 64
"""Levels of objects and arrays."""

_OBJECT, _ARRAY = b"{["
_DIGITS = frozenset(b"0123456789")
_POINT, _EXPONENT, _SIGNS = b"."[0], frozenset(b"eE"), frozenset(b"+-")


class JsonBounds:
    """Follow one JSON text, however it is divided into pieces."""

    def __init__(self) -> None:
        self._open = b""  # brackets
        self._name_due = False
        self._in_string = self._in_name = self._escaped = False
        self._digits = 0
        self._most = MAX_DIGITS

    def allow(self, piece: bytes) -> bool:
        """Return whether the text stays within its bounds with this piece, which is not added."""
        return copy(self)._extend(piece)

    def add(self, piece: bytes) -> Self:
        """Add a piece, even one that is out of bounds."""
        self._extend(piece)
        return self

    def _extend(self, piece: bytes) -> bool:
        within = True
        for byte in piece:
            within &= self._string(byte) if self._in_string else self._outside(byte)
        return within

    def _string(self, byte: int) -> bool:
        if self._escaped:
            self._escaped = False
            return not (self._in_name and byte == b"u"[0])
        if byte == b"\\"[0]:
            self._escaped = True
        elif byte == b'"'[0]:
            self._in_string = False
        return True

    def _outside(self, byte: int) -> bool:
        if byte in _DIGITS:
            self._digits += 1
            return self._digits <= self._most
        if byte == _POINT:
            self._digits = 0
        elif byte in _EXPONENT and self._digits:  # and not the one in "true"
            self._digits, self._most = 0, MAX_EXPONENT
        elif byte not in _SIGNS:
            self._digits, self._most = 0, MAX_DIGITS
            return self._mark(byte)
        return True

    def _mark(self, byte: int) -> bool:
        match bytes((byte,)):
            case b'"':
                self._in_string, self._in_name = True, self._name_due
            case b"{" | b"[":
                self._open += bytes((byte,))
                self._name_due = byte == _OBJECT
                return len(self._open) <= MAX_DEPTH
            case b"}" | b"]":
                self._open = self._open[:-1]
                self._name_due = False
            case b",":
                self._name_due = self._open[-1:] == bytes((_OBJECT,))
            case b":":
                self._name_due = False
        return True
