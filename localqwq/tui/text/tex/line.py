"""A formula's tree as text, with the spaces and brackets needed on one line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from localqwq.tui.text.tex import symbols
from localqwq.tui.text.tex.boxes import Box
from localqwq.tui.text.tex.nodes import (
    Accent,
    Blank,
    Boxed,
    Call,
    Fenced,
    Fraction,
    Group,
    Kind,
    Node,
    Note,
    Raw,
    Root,
    Rows,
    Script,
    Sign,
)
from localqwq.tui.text.tex.parts import Part, factors, is_difference, join, written

BOX_LEFT, BOX_RIGHT = "▕", "▏"
"""Signs around a result on one line."""

_WITH_LIMITS = {"lim", "lim inf", "lim sup", "max", "min", "sup", "inf", "arg max", "arg min"}
_ABOVE = {("=", "?"): "≟", ("=", "def"): "≝", ("=", "△"): "≜"}

Draw = Callable[[Node], Part | None]
"""Draws a node that is better shown on several lines."""


def text_of(node: Node, *, tight: bool = False) -> str:
    """Return a node as text; ``tight``: without spaces around signs, as in scripts."""
    return written(Line(tight).parts(node), tight)


class Line:
    """Writes nodes as pieces of one line."""

    def __init__(self, tight: bool = False, draw: Draw | None = None) -> None:
        """Set up; ``tight``: without spaces around signs. ``draw`` is tried first for each node."""
        self._tight = tight
        self._draw = draw

    def pieces(self, node: Node) -> list[str | Box]:
        """Return a node as text, and as boxes where it has several lines."""
        return join(self.parts(node), self._tight)

    def parts(self, node: Node) -> list[Part]:
        """Return the parts of a node, with the blanks between them."""
        parts: list[Part] = []
        blank = False
        for item in node.items if isinstance(node, Group) else (node,):
            if isinstance(item, Blank):
                blank = True
                parts[-1:] = [replace(part, blank_after=True) for part in parts[-1:]]
                continue
            found = self._parts(item)
            found[:1] = [replace(part, blank_before=blank) for part in found[:1]]
            parts += found
            blank = blank and not found
        return parts

    def _parts(self, node: Node) -> list[Part]:
        if self._draw is not None and not isinstance(node, Group):
            drawn = self._draw(node)
            # What is not drawn as a whole has no drawn parts.
            return [drawn] if drawn is not None else Line(self._tight).parts(node)
        match node:
            case Group():
                return self.parts(node)
            case Sign(text, kind, from_word):
                return [Part(text, kind, from_word=from_word)]
            case Raw(tex):
                return [Part(tex, Kind.WORDS)]
            case Script():
                return self._script(node)
        return [self._part(node)]

    def _part(self, node: Node) -> Part:
        """Return a node as a single part, whatever it contains."""
        match node:
            case Fraction(above, below):
                text = f"{numerator(above)}/{denominator(below)}"
                return Part(text, Kind.FRACTION, bracketed=f"({text})")
            case Fenced(left, body, right):
                items = [item for item in body.items if not isinstance(item, Blank)]
                only = items[0] if len(items) == 1 else None
                if isinstance(only, Rows) and not only.left + only.right:
                    return self._part(replace(only, left=left, right=right))
                inner = text_of(body, tight=self._tight)
                return Part(f"{left}{inner}{right}", Kind.FENCED)
            case Rows():
                return Part(rows_on_a_line(node, tight=self._tight), Kind.FENCED)
            case Root(body, degree):
                return _root(body, degree)
            case Note():
                return _noted(node, self._tight)
            case Accent(name, body):
                return _accented(name, body)
            case Call("mod", (argument,)):
                return Part(f"(mod {text_of(argument)})", Kind.WORDS, blank_before=True)
            case Call(name, arguments):
                return Part(f"{name}({', '.join(map(text_of, arguments))})", Kind.FENCED)
            case Boxed(body):
                return Part(f"{BOX_LEFT}{text_of(body)}{BOX_RIGHT}", Kind.FENCED)
        raise AssertionError(node)

    # Scripts

    def _script(self, node: Script) -> list[Part]:
        base = self.parts(node.base) if node.base is not None else []
        if not base:
            return [Part(superscript(node.up) + subscript(node.down), Kind.LETTER)]
        last = base[-1]
        if len(base) > 1 or last.kind in (Kind.FRACTION, Kind.ROOT):
            text = f"({written(base, self._tight)})"
            base, last = [], Part(text, Kind.FENCED, blank_before=base[0].blank_before)
        if node.base is not None and takes_limits(node.base):
            return [*base[:-1], replace(last, text=_with_limits(last.text, node), kind=Kind.LARGE)]
        lowered, raised = subscript(node.down), superscript(node.up)
        if raised in ("°", "′", "″", "‴"):
            lowered, raised = raised + lowered, ""
        open_ended = (raised or lowered)[:1] in ("_", "^") and (raised or lowered)[-1] != ")"
        if lowered[:1] == "_" and raised and lowered[-1] != ")":
            lowered = f"_({lowered[1:]})"
        kind = Kind.LETTER if last.kind in (Kind.NUMBER, Kind.OPEN) else last.kind
        return [
            *base[:-1],
            replace(last, text=last.text + lowered + raised, kind=kind, is_open=open_ended),
        ]


def takes_limits(base: Node) -> bool:
    """Return whether scripts of a node are limits, as for ∑, lim and the like."""
    if isinstance(base, Note):
        return False
    if isinstance(base, Group) and len(base.items) == 1:
        return takes_limits(base.items[0])
    return isinstance(base, Sign) and (
        base.kind is Kind.LARGE
        or base.text in _WITH_LIMITS
        or (base.kind is Kind.FUNCTION and base.from_word)
    )


# Fractions


def numerator(group: Group) -> str:
    """Return a numerator, in brackets unless it is a product."""
    parts = Line().parts(group)
    negative = parts[:1] and parts[0].text in ("-", "−")
    is_product = is_difference(parts) or factors(parts[1:] if negative else parts)
    return written(parts) if is_product else f"({written(parts)})"


def denominator(group: Group) -> str:
    """Return a denominator, in brackets unless it is a single item."""
    parts = Line().parts(group)
    return written(parts) if _is_single(parts) else f"({written(parts)})"


def is_simple(group: Group) -> bool:
    """Return whether part of a fraction is easy to read beside a stroke."""
    return _is_single(Line().parts(group))


def _is_single(parts: Sequence[Part]) -> bool:
    return factors(parts) == 1 or is_difference(parts)


# Roots, accents, notes


def _root(body: Group, degree: Group) -> Part:
    above = text_of(degree, tight=True)
    raised = mapped(above, symbols.SUPERSCRIPTS)
    sign = f"{raised}√" if raised is not None else f"[{above}]√"
    parts = Line().parts(body)
    text = written(parts)
    if factors(parts) != 1 or _is_scripted(body) or text[0] == "√":
        return Part(f"{sign}({text})", Kind.FENCED)
    if text[0] in "([":
        return Part(sign + text, Kind.FENCED)
    return Part(sign + text, Kind.ROOT, bracketed=f"{sign}({text})")


def _is_scripted(group: Group) -> bool:
    return any(isinstance(item, Script) for item in group.items)


_ANY, _COMBINING = r"[^\u0300-\u036f\u20d7]", r"[\u0300-\u036f\u20d7]"


def _accented(name: str, body: Group) -> Part:
    mark = symbols.ACCENTS[name]
    text = text_of(body)
    if name in symbols.LINES or (len(text) == 1 and not _is_scripted(body)):
        marked = re.sub(f"({_ANY}{_COMBINING}*)", rf"\1{mark}", text)
        shown = unicodedata.normalize("NFC", marked)
        return Part(shown, Kind.LETTER if len(text) == 1 else Kind.FENCED)
    return Part(f"{symbols.CALLED.get(name, name)}({text})", Kind.FENCED)


def _noted(node: Note, tight: bool) -> Part:
    """Return content with remarks above and below it in square brackets."""
    body = Line(tight).parts(node.body)
    text = written(body, tight)
    kind = body[0].kind if len(body) == 1 else Kind.FENCED
    if isinstance(node.body, Sign) and node.body.text in "→←⇒⇔" and node.above is not None:
        return _labelled_arrow(node, text)
    if len(body) > 1:
        text = f"({text})"
    if node.braced:
        remarks = (text_of(remark, tight=True) for remark in (node.above, node.below) if remark)
        return Part("".join([text, *(f"[{remark}]" for remark in remarks)]), kind)
    if node.above is not None:
        above = text_of(node.above, tight=True)
        if (text, above) in _ABOVE:
            text = _ABOVE[text, above]
        else:
            raised = mapped(above, symbols.SUPERSCRIPTS)
            text += raised if raised is not None else f"^({above})"
    if node.below is not None:
        text += f"[{text_of(node.below, tight=True)}]"
    return Part(text, kind, from_word=True, blank_after=kind is Kind.RELATION)


def _labelled_arrow(node: Note, arrow: str) -> Part:
    labels = [text_of(label, tight=True) for label in (node.above, node.below) if label]
    label = "; ".join(label for label in labels if label)
    stroke = "═" if arrow in "⇒⇔" else "─"
    left, right = ("←", stroke) if arrow == "←" else (stroke, arrow)
    return Part(f"{left}{label}{right}", Kind.RELATION, blank_before=True, blank_after=True)


# Scripts


def mapped(text: str, signs: dict[str, str]) -> str | None:
    """Return ``text`` in raised or lowered characters; None if one of its characters has none."""
    shown = [signs.get(sign) for sign in text]
    found = [sign for sign in shown if sign is not None]
    return "".join(found) if len(found) == len(shown) else None


def superscript(script: Group | None) -> str:
    """Return a superscript, in raised characters or after ``^``."""
    if script is None:
        return ""
    text = text_of(script, tight=True)
    if text in ("∘", "°"):
        return "°"
    raised = mapped(text, symbols.SUPERSCRIPTS)
    if raised is not None:
        return raised
    alone = len(text) == 1 or (text[:1] == "(" and _closes_last(text))
    return f"^{text}" if alone else f"^({text})"


def subscript(script: Group | None) -> str:
    """Return a subscript, in lowered characters or after ``_``."""
    if script is None:
        return ""
    text = text_of(script, tight=True)
    lowered = mapped(text, symbols.SUBSCRIPTS)
    if lowered is not None:
        return lowered
    return f"_{text}" if text.isalnum() else f"_({text})"


def _closes_last(text: str) -> bool:
    """Return whether the bracket at the beginning is closed at the end."""
    depth = 0
    for index, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if not depth:
            return index == len(text) - 1
    return False


def limits_as_scripts(node: Script) -> str | None:
    """Return limits in raised and lowered characters; None if one of them has none."""
    return _in_scripts(*_limits(node))


def _limits(node: Script) -> tuple[str, str]:
    """Return the lower and the upper limit, empty if missing."""
    down = text_of(node.down, tight=True) if node.down else ""
    return down, text_of(node.up, tight=True) if node.up else ""


def _in_scripts(down: str, up: str) -> str | None:
    lowered, raised = mapped(down, symbols.SUBSCRIPTS), mapped(up, symbols.SUPERSCRIPTS)
    return None if lowered is None or raised is None else lowered + raised


def _with_limits(sign: str, node: Script) -> str:
    """Return a sign with its limits, in square brackets if there are no script characters."""
    down, up = _limits(node)
    scripts = _in_scripts(down, up)
    if scripts is None:
        scripts = f"[{down}…{up}]" if up else f"[{down}]"
    return sign + scripts


# Rows


def rows_on_a_line(node: Rows, *, tight: bool = False) -> str:
    """Return rows in sequence: ``(1, 2; 3, 4)``, ``{x if x > 0; 0 otherwise}``."""
    if node.is_alignment:
        return "; ".join(equation(node, index, tight=tight) for index in range(len(node.rows)))
    is_brace = node.left == "{" or node.right == "}"
    rows = [_cells(row.cells, is_brace, tight) for row in node.rows]
    left, right = ("{", "}") if is_brace else (node.left, node.right)
    if not left + right:
        left, right = "[", "]"
    return f"{left}{'; '.join(rows)}{right}"


def _cells(cells: Sequence[Group], cases: bool, tight: bool) -> str:
    shown = [text_of(cell, tight=tight) for cell in cells]
    if not cases:
        return ", ".join(shown)
    text = ""
    for cell in shown:
        worded = len(cell) > 2 and cell[:2].isalpha()
        between = "" if not text or not cell else " " if worded or text[-1] in ",;" else ", "
        text += between + cell
    return text.rstrip(",;")


def equation(node: Rows, index: int, *, tight: bool = False) -> str:
    """Return a row of an alignment."""
    row = node.rows[index]
    items: list[Node] = []
    for cell in row.cells:
        items += [Blank(), *cell.items] if items else cell.items
    text = text_of(Group(tuple(items)), tight=tight)
    return f"{text}   {row.tag}" if row.tag else text
