"""The parts of a line, and the spaces and brackets they need between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from localqwq.tui.text.tex.boxes import Box
from localqwq.tui.text.tex.nodes import Kind

_BEGINS = {
    Kind.LETTER, Kind.NUMBER, Kind.OPEN, Kind.FENCED, Kind.FRACTION, Kind.ROOT, Kind.FUNCTION,
    Kind.LARGE, Kind.TALL,
}  # fmt: skip
"""Kinds that multiply with what precedes them."""
_ENDS = {
    Kind.LETTER, Kind.NUMBER, Kind.CLOSE, Kind.FENCED, Kind.FRACTION, Kind.ROOT, Kind.TALL,
    Kind.AFTER,
}  # fmt: skip
"""Kinds that multiply with what follows them."""
_SIGNED = {Kind.OPERATOR, Kind.RELATION}
_TIGHT = {Kind.LETTER, Kind.NUMBER, Kind.FENCED, Kind.ROOT, Kind.WORDS, Kind.TALL, Kind.AFTER}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line."""

    text: str
    kind: Kind
    bracketed: str = ""
    """Its form where it would mix with its neighbours."""
    blank_before: bool = False
    blank_after: bool = False
    """Whether white space was typed after it."""
    from_word: bool = False
    is_open: bool = False
    """Whether a following letter would be read as part of it."""
    box: Box | None = None
    """Multi-line content shown instead of the text."""


def join(parts: Sequence[Part], tight: bool = False) -> list[str | Box]:
    """Return parts as text, with the spaces and brackets they need."""
    pieces: list[str | Box] = []
    before: Part | None = None
    for index, part in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        part = _unary(part, before)
        shown = _shown(part, before, after)
        gap = _gap(before, part, shown, tight)
        if gap:
            pieces.append(gap)
        pieces.append(part.box if part.box is not None else shown)
        before = part
    return pieces


def _unary(part: Part, before: Part | None) -> Part:
    """Return a sign before a term as part of the term: ``= -1``."""
    first = before is None or before.kind in (
        Kind.OPERATOR, Kind.RELATION, Kind.PUNCTUATION, Kind.OPEN, Kind.SPACE,
    )  # fmt: skip
    if part.kind is Kind.OPERATOR and part.text in "+-−±∓" and first:
        return replace(part, kind=Kind.OPEN, blank_after=False)
    return part


def _shown(part: Part, before: Part | None, after: Part | None) -> str:
    if not part.bracketed:
        return part.text
    if part.kind is Kind.ROOT:
        mixes = after is not None and after.kind in (Kind.LETTER, Kind.NUMBER)
        return part.bracketed if mixes else part.text
    if before is not None:
        is_mixed = before.kind is Kind.NUMBER and part.text.replace("/", "").isdigit()
        if before.kind in _ENDS and not is_mixed:
            return part.bracketed
        if before.kind is Kind.FUNCTION or before.text in ("/", "÷"):
            return part.bracketed
        if before.kind is Kind.OPERATOR and part.text[0] in "-−":
            return part.bracketed
    if after is None or _is_differential(after):
        return part.text
    mixes = after.kind in _BEGINS or after.kind is Kind.AFTER or after.text == "/"
    return part.bracketed if mixes else part.text


def _is_differential(part: Part) -> bool:
    return part.text == "d" and part.kind is Kind.LETTER


def _gap(before: Part | None, part: Part, shown: str, tight: bool) -> str:
    """Return the space between two parts."""
    if before is None or Kind.SPACE in (before.kind, part.kind):
        return ""
    typed = before.blank_after or part.blank_before
    if before.kind is Kind.OPEN or part.kind is Kind.CLOSE:
        return ""
    touching = not before.text[-1:].isspace() and not shown[:1].isspace()
    if tight:
        return " " if typed and touching and Kind.WORDS in (before.kind, part.kind) else ""
    if part.kind in (Kind.PUNCTUATION, Kind.AFTER):
        return " " if typed and part.text == ":" else ""
    if before.kind in _SIGNED or part.kind in _SIGNED:
        sign = before if before.kind in _SIGNED else part
        spaced = typed or sign.blank_after or sign.blank_before or sign.text.isalpha()
        return " " if spaced else ""
    if before.kind is Kind.FUNCTION:
        brackets = part.kind in (Kind.OPEN, Kind.FENCED) or shown[:1] in "(|{["
        return "" if brackets else " "
    if before.kind is Kind.LARGE:
        return " "
    if part.kind in (Kind.FUNCTION, Kind.LARGE) and before.kind in _ENDS | {Kind.WORDS}:
        return " "
    if Kind.TALL in (before.kind, part.kind):
        return " "
    if Kind.WORDS in (before.kind, part.kind):
        return " " if typed and touching else ""
    if before.kind is Kind.FRACTION or part.kind is Kind.FRACTION:
        mixed = before.kind is Kind.NUMBER and shown[0] != "("
        return " " if mixed or _is_differential(part) else ""
    if before.is_open and shown[:1].isalnum():
        return " "
    if before.from_word and before.kind is Kind.LETTER and before.text not in "…⋯":
        return ""
    return " " if typed else ""


def written(parts: Sequence[Part], tight: bool = False) -> str:
    """Return text-only parts as they are read."""
    return "".join(piece for piece in join(parts, tight) if isinstance(piece, str)).strip()


_RAISED_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ"


def is_difference(parts: Sequence[Part]) -> bool:
    """Return whether it is something like ``dx``, ``∂t²`` or ``Δy``."""
    if len(parts) != 2 or parts[1].kind is not Kind.LETTER:
        return False
    return parts[0].text[:1] in ("d", "∂", "Δ", "δ") and set(parts[0].text[1:]) <= set(
        _RAISED_DIGITS
    )


def factors(parts: Sequence[Part]) -> int:
    """Return the number of factors of a product; 0 if it is not one."""
    count = depth = 0
    for before, part in zip((None, *parts), parts, strict=False):
        if part.kind is Kind.CLOSE:
            depth -= 1
            continue
        if not depth:
            if part.kind not in _TIGHT and part.kind is not Kind.OPEN:
                return 0
            if part.kind is Kind.WORDS and " " in part.text.strip():
                return 0
            if part.kind is Kind.AFTER and not count:
                return 0
            if before is not None and part.blank_before and not before.from_word:
                return 0
            count += part.kind is not Kind.AFTER
        depth += part.kind is Kind.OPEN
    return count if not depth else 0
