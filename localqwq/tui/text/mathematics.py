r"""TeX formulas as text for a terminal: ``\frac{1}{2}`` as 1/2, ``x^2`` as x².

Formulas are recognized between ``\( \)``, ``\[ \]``, ``$ $`` and ``$$ $$``, in a bare ``\boxed{}``,
and between a bare ``\begin{}`` and its ``\end{}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 4_000
"""Characters; longer text between delimiters is not a formula."""

_SPECIAL = re.compile(r"\\[(\[$]|\\boxed\{|\\begin\{|\$\$?|`+|\\.", re.DOTALL)
_CODE = re.compile(r"^(?: {0,3})(`{3,}|~{3,})[^\n]*$.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_BEGIN = re.compile(r"\\begin\{([A-Za-z]+\*?)\}")
_TEX = re.compile(r"[\\^_=<>+*/|{}]")
_WORD = re.compile(r"\s[A-Za-z]{2,}\b|\b[A-Za-z]{2,}\s")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in a text."""

    start: int
    end: int
    """Offsets of the formula with its delimiters."""
    tex: str
    """The text between them."""
    display: bool
    """Whether it asks for lines of its own."""


def formula_at(text: str, start: int) -> Formula | None:
    r"""Return the formula that begins at ``start``, if one does.

    A ``$`` opens before a non-space, and closes after a non-space and before a non-digit (pandoc's
    rule): “$5 and $6” are amounts of money.
    """
    for opening, closing in (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$")):
        if text.startswith(opening, start):
            return _between(text, start, opening, closing)
    if text.startswith("\\boxed{", start):
        end = _closing_brace(text, start + 6)
        return Formula(start, end + 1, text[start : end + 1], False) if end else None
    if begin := _BEGIN.match(text, start):
        return _environment(text, start, begin[1])
    return _dollars(text, start) if text.startswith("$", start) else None


def _environment(text: str, start: int, name: str) -> Formula | None:
    """Return an environment from ``\\begin`` to its ``\\end``, with nested ones of that name."""
    marks = re.compile(rf"\\(begin|end)\{{{re.escape(name)}\}}|`|\n\s*\n")
    depth = 0
    for mark in marks.finditer(text, start, start + LONGEST):
        if not mark[1]:
            return None
        depth += 1 if mark[1] == "begin" else -1
        if not depth:
            return Formula(start, mark.end(), text[start : mark.end()], True)
    return None


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
    """Return whether text between dollars is prose: “$10 or 3$”."""
    return not _TEX.search(tex) and _WORD.search(tex) is not None


def _closing_brace(text: str, opening: int) -> int:
    """Return where the group opened at ``opening`` ends; 0 if it does not."""
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
    """Yield the formulas of ``text`` in order, ignoring Markdown code."""
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
    """Return where the code span that ``opening`` may open ends, else the end of the backticks."""
    for match in re.compile("`+").finditer(text, opening.end()):
        if match[0] == opening[0]:
            return match.end()
    return opening.end()


def pieces(text: str) -> list[tuple[str, Formula | None]]:
    """Return ``text`` in pieces: formulas as Unicode, each beside its source.

    Formulas that cannot be parsed stay text. Joined, the pieces are what ``readable`` returns.
    """
    found: list[tuple[str, Formula | None]] = []
    position = 0
    for formula in formulas(text):
        shown = _on_one_line(formula.tex)
        if shown is not None:
            found += (text[position : formula.start], None), (shown, formula)
            position = formula.end
    found.append((text[position:], None))
    joined = "".join(piece for piece, _ in found)
    # A formula may have become text that is a formula again: then positions are ambiguous.
    return found if _once(joined) == joined else [(readable(text), None)]


def readable(text: str) -> str:
    """Return ``text`` with its formulas as Unicode, as far as possible.

    The result is stable: ``readable(readable(text)) == readable(text)``.
    """
    while (better := _once(text)) != text:
        text = better
    return text


def _once(text: str) -> str:
    parts: list[str] = []
    position = 0
    for formula in formulas(text):
        shown = _on_one_line(formula.tex)
        if shown is not None:
            parts += text[position : formula.start], shown
            position = formula.end
    return "".join([*parts, text[position:]]) if parts else text


def _on_one_line(tex: str) -> str | None:
    # Importing the TeX reader takes longer than the first frame may wait.
    from localqwq.tui.text.tex.display import on_one_line

    return on_one_line(tex)
