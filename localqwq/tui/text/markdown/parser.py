"""Parsing Markdown blocks: CommonMark, common extensions of models, and formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.footnote import footnote_plugin

from localqwq.tui.text.mathematics import LONGEST, Formula, formula_at, formulas
from localqwq.visible import visible

_PUNCTUATION = ".,;:!"
_OPENINGS = ("\\[", "$$", "\\begin{")
_SURELY = ("\\[\n", "$$\n", "\\begin{")
"""Beginnings that only a formula has."""
_DELIMITERS = ("\\(", "\\)", "\\[", "\\]")
_TABLE = re.compile(r"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$", re.M)
"""The line below the header of a table."""
_BAR = "\ufdd0"
"""Stands for ``|`` in formulas while tables are parsed; occurs in no text."""
BOXES = ("☐", "☑")
"""Boxes of an open task and of a completed one."""
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_COMMAND = re.compile(r"\\(?:[A-Za-z]|\\)")


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    # Footnotes stay where they are written: settled text must not move.
    footnote_plugin(parser, inline=False, move_to_end=False)
    parser.core.ruler.before("text_join", "entities", _entities)
    parser.core.ruler.push("tasks", _tasks)
    parser.inline.ruler.before("escape", "math_inline", _math_inline)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "math_block", _math_block, interrupts)
    return parser


def parse(source: str) -> tuple[list[SyntaxTreeNode], bool]:
    """Return the top-level nodes of ``source``, and whether it defines link or footnote targets.

    Nodes have their source lines in ``map``. In addition to Markdown's own types there are
    ``math_inline`` and ``math_block``, whose content is the formula's TeX, ``footnote_ref`` and
    ``footnote_reference``, whose ``meta`` has the label, and the attribute ``box`` of task items.
    """
    environment: dict[str, Any] = {"footnotes": {"refs": {}, "list": {}}}
    shielded = _shielded(source)
    tokens = _parser().parse(shielded, environment)
    if shielded != source:
        _unshield(tokens)
    linked = bool(environment.get("references") or environment["footnotes"]["refs"])
    return SyntaxTreeNode(tokens).children, linked


def _entities(state: StateCore) -> None:
    """Make what entities stand for visible, which can be any character."""
    if "&" in state.src:
        for token in state.tokens:
            for child in token.children or ():
                if child.type == "text_special":
                    child.content = visible(child.content)


def _tasks(state: StateCore) -> None:
    """Move the box at the beginning of an item's text to the item."""
    if "[" not in state.src:
        return
    tokens = state.tokens
    for item, paragraph, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if item.type != "list_item_open" or paragraph.type != "paragraph_open":
            continue
        text = inline.children[0] if inline.children else None
        if text is not None and (box := _TASK.match(text.content)):
            sign = BOXES[box[1] in "xX"]
            text.content = text.content[box.end() :]
            if item.markup in "-+*":
                item.attrSet("box", sign)
            else:  # beside its number
                text.content = f"{sign} {text.content}"


def _shielded(source: str) -> str:
    """Return ``source`` with replaced bars in formulas: Markdown's bars separate the cells of a
    table.
    """
    if "|" not in source or not _TABLE.search(source):
        return source
    parts, position = [], 0
    for formula in formulas(source):
        text = source[formula.start : formula.end]
        if "|" in text and "\n" not in text:
            parts += [source[position : formula.start], text.replace("|", _BAR)]
            position = formula.end
    return "".join([*parts, source[position:]])


def _unshield(tokens: Iterable[Token]) -> None:
    for token in tokens:
        token.content = token.content.replace(_BAR, "|")
        token.markup = token.markup.replace(_BAR, "|")
        token.info = token.info.replace(_BAR, "|")
        _unshield(token.children or ())


def _math_inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "\\$":
        return False
    formula = formula_at(state.src, state.pos)
    if formula is None:
        return _as_written(state, silent)
    if not silent:
        token = state.push("math_inline", "", 0)
        token.content = formula.tex
        token.markup = state.src[formula.start : formula.end]
    state.pos = formula.end
    return True


def _as_written(state: StateInline, silent: bool) -> bool:
    """Keep a possible formula without an end (yet) as written, since Markdown would drop
    backslashes.
    """
    rest = state.src[state.pos :]
    if not rest.startswith((*_DELIMITERS, "\\begin{")):
        return False
    opens_lines = rest.startswith(("\\[", "\\begin{")) and _COMMAND.search(rest, 2)
    length = len(rest) if opens_lines else 2
    if not silent:
        state.pending += rest[:length]
    state.pos += length
    return True


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    r"""Parse a formula in ``\[ \]``, ``$$ $$`` or ``\begin{} \end{}`` that begins and ends lines.

    An unfinished one is only in ``markup``.
    """
    first = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not state.src.startswith(_OPENINGS, first):
        return False
    text, formula = "", None
    line = start
    while line < end and len(text) < LONGEST:
        if line > start and (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
            return False
        text += state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]] + "\n"
        line += 1
        formula = formula_at(text, 0)
        if formula is not None:
            break
    if formula is not None:
        return _take(state, start, line, text, formula, silent)
    if len(text) >= LONGEST or not text.startswith(_SURELY):
        return False
    # Its end has not come yet; until then, none of its lines is a heading or a list item.
    if not silent:
        token = state.push("math_block", "", 0)
        token.markup = text.rstrip("\n")
        token.map = [start, line]
        state.line = line
    return True


def _take(
    state: StateBlock, start: int, line: int, text: str, formula: Formula, silent: bool
) -> bool:
    after = text[formula.end :].strip()
    if after.strip(_PUNCTUATION):
        return False
    if not silent:
        token = state.push("math_block", "", 0)
        token.content = formula.tex
        token.markup = text[: formula.end]
        token.info = after
        token.map = [start, line]
        state.line = line
    return True
