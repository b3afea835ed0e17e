r"""TeX's formulas in Unicode: ``\frac{1}{2}`` as 1/2, ``x^2`` as x²."""

from __future__ import annotations

import re

from localqwq.tui.symbols import (
    ACCENTS,
    BLACKBOARD,
    FUNCTIONS,
    IGNORED,
    SPACES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    SYMBOLS,
    WRAPPERS,
)

_DEPTH = 40
"""Groups inside groups; what is deeper stays as it is."""

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)
_ROWS = re.compile(r"\\begin\{(align|aligned|gather|gathered|cases|split|equation)(\*?)\}")
_SIMPLE = re.compile(r"[^\W_]+(?:[.,]\d+)*|[^\W_]*[\u00b2\u00b3\u00b9\u2070-\u209c]+|\([^()]*\)")
_PRODUCT = re.compile(r"[^\W_]*(?:\([^()]*\))+")
_FRACTIONS = ("\\frac", "\\dfrac", "\\tfrac", "\\cfrac")
_SIGNS = frozenset(sign for sign in SYMBOLS.values() if not sign[0].isalnum())


class _Unreadable(Exception):
    """The formula is no TeX that this module knows; it stays as it is."""


def unicode(tex: str) -> str | None:
    """A formula without its delimiters as Unicode; None when it is better left alone.

    Commands that are not known stay as they are. Rows of an alignment become lines.
    """
    try:
        return _Reader(_TOKEN.findall(_ROWS.sub("", tex))).all().strip()
    except _Unreadable:
        return None


class _Reader:
    """Reads the tokens of one formula from first to last."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def all(self) -> str:
        """The whole formula."""
        shown = self._sequence()
        if self._next < len(self._tokens):
            raise _Unreadable
        return shown

    def _sequence(self, end: str = "}") -> str:
        """Everything up to a closing `end`, which is left to be read."""
        shown = ""
        while self._next < len(self._tokens) and self._tokens[self._next] != end:
            token = self._tokens[self._next]
            if token in _FRACTIONS:
                self._next += 1
                shown += self._fraction(shown)
            else:
                if token in ("^", "_"):
                    shown = shown.rstrip(" ")
                shown = _joined(shown, self._atom(), self._precedes_a_space())
        return shown

    def _precedes_a_space(self) -> bool:
        return self._next < len(self._tokens) and self._tokens[self._next].isspace()

    def _atom(self) -> str:
        token = self._tokens[self._next]
        self._next += 1
        if token == "{":
            return self._group()
        if token in ("^", "_"):
            return self._script(token)
        if token == "\\\\":
            return "\n"
        if token.startswith("\\"):
            return self._command(token[1:].rstrip("*") or "\\")
        if token == "`":
            raise _Unreadable
        return {"&": "", "~": " ", "'": "′", "}": "}"}.get(token, " " if token.isspace() else token)

    def _group(self) -> str:
        self._depth += 1
        if self._depth > _DEPTH:
            raise _Unreadable
        shown = self._sequence()
        if self._next >= len(self._tokens):
            raise _Unreadable
        self._next += 1
        self._depth -= 1
        return shown

    def _argument(self) -> str:
        """A group or a single token, as the argument of a command."""
        self._skip_spaces()
        if self._next >= len(self._tokens) or self._tokens[self._next] in "}^_&":
            raise _Unreadable
        self._depth += 1
        if self._depth > _DEPTH:
            raise _Unreadable
        if self._tokens[self._next] in _FRACTIONS:
            self._next += 1
            shown = self._fraction("")
        else:
            shown = self._atom()
        self._depth -= 1
        return shown.strip()

    def _skip_spaces(self) -> None:
        while self._next < len(self._tokens) and self._tokens[self._next].isspace():
            self._next += 1

    def _command(self, name: str) -> str:
        if name in SYMBOLS:
            return SYMBOLS[name]
        if name in SPACES:
            return SPACES[name]
        if name in FUNCTIONS:
            return f"{name} " if self._goes_on_with_a_letter() else name
        if name in WRAPPERS:
            return self._words() if name.startswith("text") else self._argument()
        if name in IGNORED:
            return self._delimiter() if name in ("left", "right") else ""
        return self._construction(name)

    def _construction(self, name: str) -> str:
        """A command with arguments that become more than a sign before or around them."""
        match name:
            case "boxed" | "fbox":
                return f"▕{self._argument()}▏"
            case "sqrt":
                return self._root()
            case "binom" | "dbinom" | "tbinom":
                return f"C({self._argument()}, {self._argument()})"
            case "pmod":
                return f"(mod {self._argument()})"
            case "mathbb":
                return "".join(BLACKBOARD.get(sign, sign) for sign in self._argument())
            case "end" | "tag" | "label":
                self._argument()
                return ""
            case "begin":
                raise _Unreadable
        if name in ACCENTS:
            return "".join(sign + ACCENTS[name] for sign in self._argument())
        if not name.isalpha() and name not in "{}%$#&_":
            raise _Unreadable
        if not name.isalpha():
            return name
        if self._next < len(self._tokens) and self._tokens[self._next] == "{":
            return f"\\{name}{{{self._argument()}}}"
        return f"\\{name} " if self._goes_on_with_a_letter() else f"\\{name}"

    def _goes_on_with_a_letter(self) -> bool:
        following = self._tokens[self._next] if self._next < len(self._tokens) else " "
        return following[-1].isalnum()

    def _words(self) -> str:
        """The argument of ``\\text`` keeps its spaces."""
        self._skip_spaces()
        if self._next >= len(self._tokens) or self._tokens[self._next] != "{":
            return self._argument()
        self._next += 1
        return self._group()

    def _delimiter(self) -> str:
        self._skip_spaces()
        if self._next < len(self._tokens) and self._tokens[self._next] == ".":
            self._next += 1
        return ""

    def _fraction(self, before: str) -> str:
        above, below = self._argument(), self._argument()
        above = above if _PRODUCT.fullmatch(above) else _bracketed(above)
        shown = f"{above}/{_bracketed(below)}"
        if before[-1:].isdigit():
            return f" {shown}"
        return f"({shown})" if before[-1:].isalnum() or self._goes_on_with_a_letter() else shown

    def _root(self) -> str:
        self._skip_spaces()
        degree = ""
        if self._next < len(self._tokens) and self._tokens[self._next] == "[":
            self._next += 1
            degree = self._sequence("]").strip()
            if self._next >= len(self._tokens):
                raise _Unreadable
            self._next += 1
        raised = _mapped(degree, SUPERSCRIPTS)
        root = f"{raised}√" if raised is not None else f"[{degree}]√"
        return root + _bracketed(self._argument())

    def _script(self, sign: str) -> str:
        shown = self._argument()
        if sign == "^" and shown in ("∘", "°"):
            return "°"
        mapped = _mapped(shown, SUPERSCRIPTS if sign == "^" else SUBSCRIPTS)
        if mapped is not None:
            return mapped
        return f"{sign}{shown}" if len(shown) == 1 else f"{sign}({shown})"


def _joined(before: str, after: str, spaced: bool) -> str:
    """Two parts, with one space where both have one, and none at the ends of lines.

    A sign that a space follows has one before it, too: ``x\\to 0`` is “x → 0”.
    """
    if spaced and after in _SIGNS and before and not before[-1].isspace():
        return f"{before} {after}"
    if after == "\n":
        return before.rstrip(" ") + after
    if after.startswith(" ") and before.endswith((" ", "\n")):
        after = after.lstrip(" ")
    return before + after


def _mapped(text: str, signs: dict[str, str]) -> str | None:
    """`text` in raised or lowered signs; None where there is none for one of its signs."""
    shown = [signs.get(sign) for sign in text.replace(" ", "")]
    found = [sign for sign in shown if sign is not None]
    return "".join(found) if len(found) == len(shown) else None


def _bracketed(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) else f"({text})"
