"""Parsing TeX's mathematics into a tree."""

from __future__ import annotations

import re
from collections.abc import Callable

from localqwq.tui.text.tex import symbols
from localqwq.tui.text.tex.environments import environment
from localqwq.tui.text.tex.letters import lettered, plain, upright
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
    Row,
    Rows,
    Script,
    Sign,
)
from localqwq.tui.text.tex.tokens import Tokens, UnreadableError
from localqwq.tui.text.tex.words import said

DEEPEST = 40
"""Maximum nesting of groups; deeper formulas are kept as written."""

_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac", "nicefrac")
_BINOMIALS = ("binom", "dbinom", "tbinom")
_INFIX = ("\\over", "\\choose", "\\atop")
_BREAKS = ("\\\\", "\\cr", "\\newline")
_CELL_ENDS = ("}", "\\right", "\\end", "&", *_BREAKS)
_BRACES = {"overbrace": True, "underbrace": True, "overset": False, "underset": False}
_ARROWS = {"xrightarrow": "→", "xleftarrow": "←", "xRightarrow": "⇒", "xLeftrightarrow": "⇔"}
_FUNCTION_NAMES = {
    "limsup": "lim sup", "liminf": "lim inf", "argmax": "arg max", "argmin": "arg min",
}  # fmt: skip
_NO_ARGUMENT = ("}", "^", "_", "&")
_PRIMES = {1: "′", 2: "″", 3: "‴"}


def read(tex: str) -> Group:
    """Return the tree of a formula without its delimiters; raise ``UnreadableError`` if invalid.

    Unknown commands are kept in the tree as written.
    """
    return _Reader(tex).all()


class _Reader:
    """Parses one formula from its first token to its last."""

    def __init__(self, tex: str, depth: int = 0) -> None:
        self._in = Tokens(tex)
        self._depth = depth
        if depth > DEEPEST:
            self._in.fail()

    def all(self) -> Group:
        """Return the whole formula; it may contain line breaks and alignment marks."""
        rows = self._rows("")
        if len(rows) == 1 and len(rows[0].cells) == 1 and not rows[0].tag:
            return rows[0].cells[0]
        columns = "rl" if any(len(row.cells) > 1 for row in rows) else "l"
        return Group((Rows(rows, columns=columns, is_alignment=True),))

    # Sequences

    def _sequence(self, end: tuple[str, ...]) -> Group:
        """Return everything up to one of ``end``, which is not consumed."""
        self._depth += 1
        if self._depth > DEEPEST:
            self._in.fail()
        items: list[Node] = []
        while self._in.next and self._in.next not in end:
            items = self._extended(items, end)
        self._depth -= 1
        return Group(tuple(items))

    def _extended(self, items: list[Node], end: tuple[str, ...]) -> list[Node]:
        """Return ``items`` and what follows; a stroke takes all of them as its numerator."""
        if self._in.next not in _INFIX:
            return items + self._item(items)
        name = self._in.take()
        above, below = Group(tuple(items)), self._sequence(end)
        return [Fraction(above, below) if name == "\\over" else Call("C", (above, below))]

    def _item(self, before: list[Node]) -> list[Node]:
        """Return what the next token begins; a script takes its base from the end of ``before``."""
        token = self._in.next
        if token in ("}", "&", "`"):
            self._in.fail()
        if self._in.is_digit():
            return [Sign(self._in.number(), Kind.NUMBER)]
        self._in.take()
        if token in "^_'":
            return [self._script(token, before)]
        if token == "{":
            return [self._group()]
        if token.isspace():
            return [Blank()]
        if token[0] == "\\":
            return self._command(token[1:])
        if token == "~":
            return [Sign(" ", Kind.SPACE)]
        return [Sign(token, symbols.CHARACTERS.get(token, Kind.LETTER))]

    def _group(self) -> Group:
        """Return what follows an opening brace."""
        group = self._sequence(("}",))
        self._in.expect("}")
        return group

    def _argument(self) -> Group:
        """Return a group or a single token, as the argument of a command."""
        self._in.skip_blanks()
        token = self._in.next
        if not token or token in _NO_ARGUMENT:
            self._in.fail()
        if token == "{":
            self._in.take()
            return self._group()
        if self._in.is_digit():
            return Group((Sign(self._in.take(), Kind.NUMBER),))
        self._depth += 1
        if self._depth > DEEPEST:
            self._in.fail()
        items = self._item([])
        self._depth -= 1
        if token[1:].isalpha() and len(items) == 1 and isinstance(items[0], Sign):
            self._in.skip_blanks()
        return Group(tuple(items))

    def _option(self) -> Group | None:
        """Return an argument in square brackets, if there is one."""
        self._in.skip_blanks()
        if self._in.next != "[":
            return None
        self._in.take()
        group = self._sequence(("]",))
        self._in.expect("]")
        return group

    def _script(self, sign: str, before: list[Node]) -> Node:
        """Return a base from the end of ``before`` with its scripts, in any order."""
        while before and isinstance(before[-1], Blank):
            before.pop()
        base = before.pop() if before else None
        if sign != "'":
            script = self._argument()
            return _with(base, script, up=sign == "^") or self._in.fail()
        primes = 1
        while self._in.next == "'":
            self._in.take()
            primes += 1
        mark = Sign(_PRIMES.get(primes, "′" * primes), Kind.AFTER)
        return _with(base, Group((mark,)), up=True) or self._in.fail()

    # Commands

    def _command(self, name: str) -> list[Node]:
        if name in symbols.COMMANDS:
            sign, kind = symbols.COMMANDS[name]
            return [Sign(sign, kind, from_word=name[0].isalpha())]
        if name in symbols.FUNCTIONS:
            return [Sign(_FUNCTION_NAMES.get(name, name), Kind.FUNCTION)]
        if name in symbols.SPACES:
            return [Sign(symbols.SPACES[name], Kind.SPACE)]
        if name in symbols.IGNORED:
            self._in.skip_blanks()
            return []
        if name in symbols.SIZES:
            return self._sized()
        if name in symbols.SKIPPED:
            self._in.verbatim()
            return []
        return [self._construction(name)]

    def _sized(self) -> list[Node]:
        """Return a manually sized bracket; a point stands for none."""
        self._in.skip_blanks()
        if self._in.next != ".":
            return self._item([])
        self._in.take()
        return []

    def _construction(self, name: str) -> Node:
        """Return a command with arguments."""
        readers: dict[str, Callable[[], Node]] = {
            "left": self._fenced,
            "begin": self._environment,
            "sqrt": self._root,
            "not": self._negated,
            "operatorname": self._operator,
            "substack": self._substack,
            "middle": lambda: Sign(self._in.delimiter(), Kind.RELATION),
            "pmod": lambda: Call("mod", (self._argument(),)),
            "mod": lambda: Sign("mod", Kind.OPERATOR, from_word=True),
            "textcolor": self._coloured,
            "colorbox": self._coloured,
            "phantom": self._phantom,
            "hphantom": self._phantom,
            "stackrel": lambda: self._annotated("overset"),
            "boxed": lambda: Boxed(self._argument()),
            "fbox": lambda: Boxed(self._argument()),
        }
        if name in readers:
            return readers[name]()
        if name in _FRACTIONS:
            return Fraction(self._argument(), self._argument())
        if name in _BINOMIALS:
            return Call("C", (self._argument(), self._argument()))
        if name in symbols.TEXTS:
            return self._text()
        if name in symbols.ALPHABETS:
            return lettered(self._argument(), symbols.ALPHABETS[name])
        if name in symbols.PLAIN:
            return upright(self._argument())
        if name in symbols.ACCENTS:
            return Accent(name, self._argument())
        if name in _BRACES:
            return self._annotated(name)
        if name in _ARROWS:
            below = self._option()
            arrow = Sign(_ARROWS[name], Kind.RELATION, from_word=True)
            return Note(arrow, self._argument(), below)
        if not name.isalpha() or name in ("right", "end"):
            self._in.fail()
        return Raw(f"\\{name}{self._in.arguments()}")

    def _root(self) -> Node:
        degree = self._option() or Group()
        return Root(self._argument(), degree)

    def _negated(self) -> Node:
        items = self._argument().items
        if len(items) != 1 or not isinstance(items[0], Sign):
            self._in.fail()
        sign = symbols.NEGATED.get(items[0].text) or self._in.fail()
        return Sign(sign, Kind.RELATION, from_word=True)

    def _operator(self) -> Node:
        """Return a name applied to what follows; with a star its subscript is set below it."""
        starred = self._in.next == "*"
        if starred:
            self._in.take()
        name = plain(self._argument()) or self._in.fail()
        return Sign(name, Kind.FUNCTION, from_word=starred)

    def _substack(self) -> Node:
        self._in.skip_blanks()
        self._in.expect("{")
        rows = self._rows("}")
        self._in.expect("}")
        return Rows(rows, is_alignment=True)

    def _coloured(self) -> Node:
        self._in.verbatim()
        return self._argument()

    def _phantom(self) -> Node:
        self._argument()
        return Sign(" ", Kind.SPACE)

    def _annotated(self, name: str) -> Node:
        """Return a brace with its remark, or something above or below something else."""
        if _BRACES[name]:
            return Note(self._argument(), braced=True)
        remark, body = self._argument(), self._argument()
        return Note(body, above=remark) if name == "overset" else Note(body, below=remark)

    def _text(self) -> Node:
        r"""Return the argument of ``\text``, in which spaces count and formulas may occur."""
        self._in.skip_blanks()
        if self._in.next != "{":
            return self._argument()
        items: list[Node] = []
        for index, part in enumerate(re.split(r"(?<!\\)\$|\\[()]", self._in.verbatim())):
            if index % 2:
                items.append(_Reader(part, self._depth + 1).all())
            elif part:
                items.append(self._words(part))
        return items[0] if len(items) == 1 else Group(tuple(items))

    def _words(self, tex: str) -> Node:
        try:
            return Sign(said(tex), Kind.WORDS)
        except UnreadableError:  # a formula, although it is set as text
            return _Reader(tex, self._depth + 1).all()

    # Brackets and rows

    def _fenced(self) -> Node:
        left = self._in.delimiter()
        body = self._sequence(("\\right",))
        self._in.expect("\\right")
        return Fenced(left, body, self._in.delimiter())

    def _environment(self) -> Node:
        name = self._in.verbatim()
        found = environment(name) or self._in.fail()
        columns = found.columns
        if found.has_argument:
            self._option()
            columns = re.sub(r"[^lcr|]", "", self._in.verbatim()) or columns
        rows = self._rows("\\end")
        self._in.expect("\\end")
        if self._in.verbatim() != name:
            self._in.fail()
        return Rows(rows, found.left, found.right, columns, found.is_alignment)

    def _rows(self, end: str) -> tuple[Row, ...]:
        """Return rows up to ``end``, which is not consumed; nothing after the last break is not a
        row.
        """
        rows = [self._row()]
        while self._in.next in _BREAKS:
            self._in.take()
            self._in.skip_dimension()
            rows.append(self._row())
        if self._in.next != end:
            self._in.fail()
        if len(rows) > 1 and rows[-1] == Row((Group(),), ruled=rows[-1].ruled):
            rows.pop()
        return tuple(rows)

    def _row(self) -> Row:
        ruled = self._in.rules()
        cells: list[Group] = []
        items: list[Node] = []
        tag = ""
        while True:
            if self._in.next == "\\tag":
                self._in.take()
                tag = "{}" if self._in.next == "*" else "({})"
                tag = tag.format(self._in.verbatim())
            elif self._in.next and self._in.next not in _CELL_ENDS:
                items = self._extended(items, _CELL_ENDS)
            else:
                cells.append(Group(tuple(items)))
                if self._in.next != "&":
                    return Row(tuple(cells), tag, ruled)
                self._in.take()
                items = []


def _with(base: Node | None, script: Group, *, up: bool) -> Node | None:
    """Return ``base`` with another script; None if it already has one there."""
    if isinstance(base, Note) and base.braced:
        if base.above or base.below:
            return None
        return Note(base.body, script, braced=True) if up else Note(base.body, None, script, True)
    if not isinstance(base, Script):
        return Script(base, script, None) if up else Script(base, None, script)
    if not up:
        return None if base.down else Script(base.base, base.up, script)
    if base.up is None:
        return Script(base.base, script, base.down)
    last = base.up.items[-1] if base.up.items else None
    if not (isinstance(last, Sign) and last.text in "′″‴"):
        return None
    return Script(base.base, Group((*base.up.items, *script.items)), base.down)
