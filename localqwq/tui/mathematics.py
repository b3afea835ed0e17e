r"""Mathematics in TeX as text that a terminal can show: ``\frac{1}{2}`` as 1/2, ``x^2`` as x².

Formulas are found between ``\( \)``, ``\[ \]``, ``$ $`` and ``$$ $$`` and in a bare ``\boxed{}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

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

LONGEST = 2_000
"""Characters; what is longer between two delimiters is no formula."""
_DEPTH = 40
"""Groups inside groups; what is deeper stays as it is."""

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)
_SPECIAL = re.compile(r"\\[(\[$]|\\boxed\{|\$\$?|`+|\\.", re.DOTALL)
_CODE = re.compile(r"^(?: {0,3})(`{3,}|~{3,})[^\n]*$.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_ROWS = re.compile(r"\\begin\{(align|aligned|gather|gathered|cases|split|equation)(\*?)\}")
_TEX = re.compile(r"[\\^_=<>+*/|{}]")
_WORD = re.compile(r"\s[A-Za-z]{2,}\b|\b[A-Za-z]{2,}\s")
_SIMPLE = re.compile(r"[^\W_]+(?:[.,]\d+)*|[^\W_]*[\u00b2\u00b3\u00b9\u2070-\u209c]+|\([^()]*\)")
_PRODUCT = re.compile(r"[^\W_]*(?:\([^()]*\))+")
_FRACTIONS = ("\\frac", "\\dfrac", "\\tfrac", "\\cfrac")


_SIGNS = frozenset(sign for sign in SYMBOLS.values() if not sign[0].isalnum())


class _Unreadable(Exception):
    """The formula is no TeX that this module knows; it stays as it is."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in a text."""

    start: int
    end: int
    """Offsets of the formula with its delimiters."""
    tex: str
    """What is between them."""
    display: bool
    """Whether it asks for lines of its own."""


def formula_at(text: str, start: int) -> Formula | None:
    r"""The formula that begins at `start`, if one does.

    A ``$`` opens before something that is no space, and closes after such a thing and before
    something that is no digit (pandoc's rule): “$5 and $6” is an amount of money.
    """
    for opening, closing in (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$")):
        if text.startswith(opening, start):
            return _between(text, start, opening, closing)
    if text.startswith("\\boxed{", start):
        end = _closing_brace(text, start + 6)
        return Formula(start, end + 1, text[start : end + 1], False) if end else None
    return _dollars(text, start) if text.startswith("$", start) else None


def _between(text: str, start: int, opening: str, closing: str) -> Formula | None:
    first = start + len(opening)
    last = text.find(closing, first, first + LONGEST)
    tex = text[first:last] if last >= 0 else ""
    if not tex.strip() or "\n\n" in tex or "`" in tex:
        return None
    return Formula(start, last + len(closing), tex, opening != "\\(")


def _dollars(text: str, start: int) -> Formula | None:
    first = start + 1
    if text[first : first + 1].isspace() or text[first : first + 1] == "$":
        return None
    for match in re.finditer(r"\\.|\$|`|\n\s*\n", text[first : first + LONGEST], re.DOTALL):
        last = first + match.start()
        if match[0] in ("`", "\n\n") or match[0][0] == "\n":
            return None
        if match[0] == "$":
            after = text[last + 1 : last + 2]
            if last == first or text[last - 1].isspace() or after.isdigit() or after == "$":
                return None
            tex = text[first:last]
            return None if _is_prose(tex) else Formula(start, last + 1, tex, False)
    return None


def _is_prose(tex: str) -> bool:
    """Whether words between dollars are words: “$10 or 3$”."""
    return not _TEX.search(tex) and _WORD.search(tex) is not None


def _closing_brace(text: str, opening: int) -> int:
    """Where the group that is opened at `opening` ends; 0 when it does not."""
    depth = 0
    for match in re.finditer(r"\\.|[{}`]|\n\s*\n", text[opening : opening + LONGEST], re.DOTALL):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if not depth:
                return opening + match.start()
        elif match[0][0] in "`\n":
            return 0
    return 0


def formulas(text: str) -> Iterator[Formula]:
    """The formulas of `text`, first to last; none in Markdown's code."""
    code = [match.span() for match in _CODE.finditer(text)]
    position = 0
    while match := _SPECIAL.search(text, position):
        start, position = match.span()
        fence = next((end for begin, end in code if begin <= start < end), None)
        if fence is not None:
            position = fence
        elif match[0][0] == "`":
            position = _code_end(text, match)
        elif formula := formula_at(text, start):
            yield formula
            position = formula.end


def _code_end(text: str, opening: re.Match[str]) -> int:
    """Where the code span that `opening` may open ends, else the end of the backticks."""
    for match in re.compile("`+").finditer(text, opening.end()):
        if match[0] == opening[0]:
            return match.end()
    return opening.end()


def readable(text: str) -> str:
    """`text` with its formulas as Unicode, as far as that is possible.

    What was made readable stays so: ``readable(readable(text)) == readable(text)``.
    """
    while (better := _once(text)) != text:
        text = better
    return text


def _once(text: str) -> str:
    parts: list[str] = []
    position = 0
    for formula in formulas(text):
        shown = unicode(formula.tex)
        if shown is not None:
            parts += text[position : formula.start], shown
            position = formula.end
    return "".join([*parts, text[position:]]) if parts else text


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
