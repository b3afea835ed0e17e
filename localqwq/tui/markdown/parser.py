"""Markdown's blocks: CommonMark with tables, struck text, and formulas that stay in one piece."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

from localqwq.tui.mathematics import LONGEST, Formula, formula_at

_PUNCTUATION = ".,;:!"


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "math_inline", _math_inline)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "math_block", _math_block, interrupts)
    return parser


def parse(source: str) -> tuple[list[SyntaxTreeNode], bool]:
    """The top-level nodes of `source`, and whether it defines targets of links.

    Nodes have the lines they come from in `map`. Beside Markdown's own types there are
    ``math_inline`` and ``math_block``, whose content is the formula's TeX.
    """
    environment: dict[str, object] = {}
    tokens = _parser().parse(source, environment)
    return SyntaxTreeNode(tokens).children, bool(environment.get("references"))


def _math_inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "\\$":
        return False
    formula = formula_at(state.src, state.pos)
    if formula is None:
        return False
    if not silent:
        token = state.push("math_inline", "", 0)
        token.content = formula.tex
        token.markup = state.src[formula.start : formula.end]
    state.pos = formula.end
    return True


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    r"""A formula between ``\[ \]`` or ``$$ $$`` whose delimiters begin and end lines."""
    first = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or state.src[first : first + 2] not in ("\\[", "$$"):
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
    return formula is not None and _take(state, start, line, text, formula, silent)


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
