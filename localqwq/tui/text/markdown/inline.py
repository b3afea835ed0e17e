"""The content of a line of Markdown, with its styles."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it.tree import SyntaxTreeNode
from textual.content import Content, Span
from textual.style import Style

from localqwq.tui.text.copied import Mark
from localqwq.tui.text.tex.display import on_one_line
from localqwq.tui.text.tex.line import BOX_LEFT
from localqwq.tui.text.tex.symbols import SUPERSCRIPTS
from localqwq.visible import visible_code

STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
MARK = "$text-primary"
"""Style of a footnote's mark."""
CODE = "$text-accent on $surface"
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def inline(nodes: Iterable[SyntaxTreeNode]) -> Content:
    """Return the nodes of a line as styled text. Line breaks are kept as written."""
    parts: list[str] = []
    spans: list[Span] = []
    _add(nodes, parts, spans, 0)
    return Content("".join(parts), spans)


def note_mark(node: SyntaxTreeNode) -> str:
    """Return the mark of a footnote: its raised number, or its name in brackets."""
    label = str(node.meta["label"])
    return "".join(SUPERSCRIPTS[digit] for digit in label) if label.isdecimal() else f"[{label}]"


def _add(
    nodes: Iterable[SyntaxTreeNode], parts: list[str], spans: list[Span], position: int
) -> int:
    """Add the nodes' text and styles from ``position`` on; return where they end."""
    for node in nodes:
        start = position
        if node.children and node.type != "image":
            position = _add(node.children, parts, spans, position)
        else:
            text = _text(node)
            parts.append(text)
            position += len(text)
        if node.type == "math_inline":
            spans.append(Span(start, position, Mark(node.markup, atomic=True)))
        style = _style(node, parts)
        if style and position > start:
            spans.append(Span(start, position, style))
    return position


def _text(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "math_inline":
            shown = on_one_line(node.content)
            return node.markup if shown is None else shown.replace("\n", "; ")
        case "footnote_ref":
            return note_mark(node)
        case "code_inline":
            return visible_code(node.content)
        case "image":
            return f"[image: {node.content or node.attrs.get('src', '')}]"
        case "html_inline" if _BREAK.fullmatch(node.content):
            return "\n"
    return node.content


def _style(node: SyntaxTreeNode, parts: list[str]) -> str | Style:
    if node.type == "link":
        return Style(underline=True, link=str(node.attrs.get("href", "")))
    if node.type == "code_inline":
        return CODE
    if node.type == "footnote_ref":
        return MARK
    if node.type == "math_inline" and parts[-1].startswith(BOX_LEFT):
        return "bold"
    return STYLES.get(node.type, "")
