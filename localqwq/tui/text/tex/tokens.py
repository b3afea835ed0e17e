"""The tokens of TeX's mathematics."""

from __future__ import annotations

import re
from typing import NoReturn

from localqwq.tui.text.tex import symbols
from localqwq.tui.text.tex.nodes import Kind

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:(?:,|\{,\})\d{3}(?!\d))*(?:\.\d+)?")
_LONGEST_NUMBER = 60
_DIMENSION = re.compile(r"\*?\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|mu)\s*\]")
_LONGEST_DIMENSION = 14
_DELIMITERS = {".": "", "<": "⟨", ">": "⟩", **{sign: sign for sign in "()[]|/"}}
_RULES = ("\\hline", "\\toprule", "\\midrule", "\\bottomrule", "\\cline")


class UnreadableError(Exception):
    """A formula is not TeX that this package understands."""


def split(tex: str) -> list[str]:
    """Return commands with their backslash, white space, and single characters."""
    return _TOKEN.findall(tex)


class Tokens:
    """The tokens of a formula, and the current position."""

    def __init__(self, tex: str) -> None:
        self._tokens = split(tex)
        self._index = 0

    @property
    def next(self) -> str:
        """The next token; empty at the end."""
        return self._tokens[self._index] if self._index < len(self._tokens) else ""

    def fail(self) -> NoReturn:
        """Reject the formula."""
        raise UnreadableError

    def take(self) -> str:
        """Return the next token and advance."""
        token = self.next
        self._index += 1
        return token

    def expect(self, token: str) -> None:
        """Consume a token that must be this one."""
        if self.take() != token:
            self.fail()

    def skip_blanks(self) -> None:
        """Skip white space."""
        while self.next.isspace():
            self._index += 1

    def is_digit(self) -> bool:
        """Return whether a number begins here."""
        return "0" <= self.next <= "9"

    def number(self) -> str:
        """Return the digits of a number, with its point and thousands separators."""
        found = _NUMBER.match(self._ahead(_LONGEST_NUMBER))
        assert found is not None
        self._index += len(found[0])
        return found[0].replace("{,}", ",")

    def verbatim(self) -> str:
        """Return an argument in braces, optionally after a star, as written."""
        if self.next == "*":
            self._index += 1
        self.skip_blanks()
        start = self._index
        self.expect("{")
        depth = 1
        while depth:
            token = self.take()
            if not token:
                self.fail()
            depth += {"{": 1, "}": -1}.get(token, 0)
        return "".join(self._tokens[start + 1 : self._index - 1])

    def arguments(self) -> str:
        """Return all following arguments, in braces and in square brackets, as written."""
        written = ""
        while True:
            if self.next == "{":
                written += f"{{{self.verbatim()}}}"
            elif self.next == "[" and "]" in self._tokens[self._index :]:
                stop = self._tokens.index("]", self._index) + 1
                written += "".join(self._tokens[self._index : stop])
                self._index = stop
            else:
                return written

    def delimiter(self) -> str:
        """Return a bracket after ``\\left``; empty for a point, which stands for none."""
        self.skip_blanks()
        token = self.take()
        if token in _DELIMITERS:
            return _DELIMITERS[token]
        sign, kind = symbols.COMMANDS.get(token[1:], ("", Kind.LETTER))
        is_bracket = kind in (Kind.OPEN, Kind.CLOSE) or sign in ("|", "‖", "↑", "↓", "↕")
        return sign if token[:1] == "\\" and is_bracket else self.fail()

    def rules(self) -> bool:
        """Consume the lines drawn before a row; return whether there are any."""
        found = False
        self.skip_blanks()
        while self.next in _RULES:
            if self.take() == "\\cline":
                self.verbatim()
            found = True
            self.skip_blanks()
        return found

    def skip_dimension(self) -> None:
        """Skip the spacing that may follow a line break."""
        if match := _DIMENSION.match(self._ahead(_LONGEST_DIMENSION)):
            end = self._index
            length = 0
            while length < match.end():
                length += len(self._tokens[end])
                end += 1
            self._index = end

    def _ahead(self, count: int) -> str:
        return "".join(self._tokens[self._index : self._index + count])
