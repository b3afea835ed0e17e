"""The tree of a TeX formula."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """The role of a part among its neighbours, which determines spaces and brackets."""

    LETTER = "a letter, or a symbol used like one"
    NUMBER = "digits with their decimal point"
    OPERATOR = "a sign between two terms, or before one: + · ±"
    RELATION = "a sign between two sides: = ≤ ∈ →"
    PUNCTUATION = "a comma, a semicolon, a colon"
    OPEN = "an opening bracket"
    CLOSE = "a closing bracket"
    AFTER = "a sign that follows what it applies to: ! %"
    FUNCTION = "a name that is applied to what follows: sin, max"
    LARGE = "a sign for a repeated operation, with limits: ∑ ∫"
    WORDS = "text"
    FENCED = "something between brackets of its own"
    FRACTION = "a fraction on one line"
    ROOT = "a root on one line"
    TALL = "something that has more than one line"
    SPACE = "a space that the author asked for by a command"


@dataclass(frozen=True, slots=True)
class Sign:
    """One symbol, number or name."""

    text: str
    kind: Kind
    from_word: bool = False
    """Whether it comes from a command of letters: a following space only ends the command."""


@dataclass(frozen=True, slots=True)
class Blank:
    """Typed white space, which TeX ignores and readers of plain text do not."""


@dataclass(frozen=True, slots=True)
class Raw:
    """TeX that is kept as written."""

    tex: str


@dataclass(frozen=True, slots=True)
class Group:
    """A sequence of nodes."""

    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Fraction:
    """A numerator above a denominator."""

    above: Group
    below: Group


@dataclass(frozen=True, slots=True)
class Root:
    """A root; its degree is empty for a square root."""

    body: Group
    degree: Group


@dataclass(frozen=True, slots=True)
class Script:
    """A base with a superscript, a subscript or both."""

    base: Node | None
    up: Group | None = None
    down: Group | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Content with a remark above or below it, such as under a brace."""

    body: Node
    above: Group | None = None
    below: Group | None = None
    braced: bool = False


@dataclass(frozen=True, slots=True)
class Accent:
    """A mark on the content below it."""

    name: str
    body: Group


@dataclass(frozen=True, slots=True)
class Call:
    """Content written as a function call because there is no sign for it."""

    name: str
    arguments: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Boxed:
    """A result in a box."""

    body: Group


@dataclass(frozen=True, slots=True)
class Fenced:
    """Content between brackets that grow with it; an empty bracket is not shown."""

    left: str
    body: Group
    right: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an array or of an alignment."""

    cells: tuple[Group, ...]
    tag: str = ""
    """The number of an equation, as shown."""
    ruled: bool = False
    """Whether there is a line above it."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of cells: a matrix, cases, or an alignment of equations."""

    rows: tuple[Row, ...]
    left: str = ""
    right: str = ""
    columns: str = ""
    """``l``, ``c``, ``r`` for each column, and ``|`` for a line; the last letter is repeated."""
    is_alignment: bool = False
    """Whether rows are equations below each other, and columns their sides."""


Node = (
    Sign | Blank | Raw | Group | Fraction | Root | Script | Note | Accent | Call | Boxed | Fenced
    | Rows
)  # fmt: skip
