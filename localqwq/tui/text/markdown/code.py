"""Code as lines on their own background."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from textual.content import Content, Span

from localqwq.tui.text.copied import Mark, marked, written
from localqwq.visible import visible_code

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

GROUND = "on $surface"
_QUIET = "$foreground 60%"
_HIGHLIGHTED = "$text"
"""The base style of code, below the styles of its tokens."""
_TAB = 4

_WORD = "zqx"

Line = tuple[str, list[Span]]
"""A line and its styles."""


def header(language: str, width: int) -> Content:
    """Return the line above the code, which names its language."""
    line = _grounded(Content.styled(f" {language}"[:width], _QUIET), width)
    return marked(line, Mark(""))


def code_lines(code: str, language: str, width: int) -> list[Content]:
    """Return the lines of ``code``, highlighted, and folded if wider than ``width`` cells."""
    lines: list[Content] = []
    room = max(width - 2, 2)
    sources = code.split("\n")
    for place, (text, spans) in enumerate(_lines(visible_code(code), language)):
        if text.isascii() and len(text) <= room and "\t" not in text:
            lines.append(_as_it_is(text, spans, width))
            continue
        first, *others = Content(text, spans).expand_tabs(_TAB).fold(room) or [Content("")]
        if "\t" in text or text != sources[place]:
            parts = written((first, *others), sources[place])
        else:
            parts = [first, *(marked(part, Mark(between="")) for part in others)]
        parts[0] = marked(parts[0], Mark())
        lines += (_grounded(Content(" ") + part, width) for part in parts)
    return lines


def ends_clear(code: str, language: str) -> bool:
    """Return whether text after ``code`` looks as it does at the beginning.

    It does not within a multi-line string or comment, for example. A neutral word is highlighted in
    both places to find out.
    """
    if not language:
        return True
    kinds = [
        kind
        for kind, token in _lexer(language).get_tokens(f"{code.removesuffix(chr(10))}\n{_WORD}\n")
        if _WORD in token
    ]
    return kinds == _at_the_beginning(language)


@cache
def _at_the_beginning(language: str) -> list[_TokenType]:
    return [kind for kind, token in _lexer(language).get_tokens(f"{_WORD}\n") if _WORD in token]


def _as_it_is(text: str, spans: list[Span], width: int) -> Content:
    """Return a line quickly, without steps that only other lines need."""
    shifted = [Span(start + 1, stop + 1, style) for start, stop, style in spans]
    ground = Span(0, width, GROUND)
    return Content(f" {text}".ljust(width), [ground, *shifted, Span(1, width, Mark())])


def _grounded(line: Content, width: int) -> Content:
    return line.pad_right(max(width - line.cell_length, 0)).stylize_before(GROUND)


def _lines(code: str, language: str) -> Iterator[Line]:
    """Yield the lines of ``code`` with the styles of its tokens."""
    if not language:
        yield from ((line, []) for line in code.split("\n"))
        return
    text, spans = "", list[Span]()
    for kind, token in _lexer(language).get_tokens(f"{code}\n"):
        style = _style(kind)
        for index, part in enumerate(token.split("\n")):
            if index:
                yield text, [Span(0, len(text), _HIGHLIGHTED), *spans]
                text, spans = "", []
            start, text = len(text), text + part
            if style and part:
                if spans and spans[-1].end == start and spans[-1].style == style:
                    start = spans.pop().start
                spans.append(Span(start, len(text), style))


@cache
def _lexer(language: str) -> Lexer:
    """Return the lexer of a language; for an unknown one, one without tokens."""
    from pygments.lexers import get_lexer_by_name  # not every answer needs it
    from pygments.util import ClassNotFound

    options = {"stripnl": False, "ensurenl": False, "tabsize": 0}
    try:
        return get_lexer_by_name(language, **options)
    except ClassNotFound:
        return get_lexer_by_name("text", **options)


@lru_cache(512)
def _style(kind: _TokenType) -> str:
    """Return the style of a token type: its own, or its parent's."""
    from textual.highlight import HighlightTheme

    found: _TokenType | None = kind
    while found is not None:
        if style := HighlightTheme.STYLES.get(found):
            return style
        found = found.parent
    return ""
