r"""Mathematics in TeX as text that a terminal can show: ``\frac{1}{2}`` as 1/2, ``x^2`` as x².

Formulas are found between ``\( \)``, ``\[ \]``, ``$ $`` and ``$$ $$``, in a bare ``\boxed{}``, and
between a bare ``\begin{}`` and its ``\end{}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 4_000
"""Characters; what is longer between two delimiters is no formula."""

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
    if begin := _BEGIN.match(text, start):
        return _environment(text, start, begin[1])
    return _dollars(text, start) if text.startswith("$", start) else None


def _environment(text: str, start: int, name: str) -> Formula | None:
    """From ``\\begin`` to its ``\\end``, with others of that name inside."""
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


def pieces(text: str) -> list[tuple[str, Formula | None]]:
    """Return `text` in pieces as they are read: formulas as Unicode, beside what they are.

    Formulas that are not understood are text. Joined, the pieces are what `readable` returns.
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
    # A formula may have become something that is one again: then nobody knows what is from where.
    return found if _once(joined) == joined else [(readable(text), None)]


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
        shown = _on_one_line(formula.tex)
        if shown is not None:
            parts += text[position : formula.start], shown
            position = formula.end
    return "".join([*parts, text[position:]]) if parts else text


def _on_one_line(tex: str) -> str | None:
    # The reader of TeX takes longer to import than the first frame may wait.
    from localqwq.tui.text.tex.display import on_one_line

    return on_one_line(tex)
