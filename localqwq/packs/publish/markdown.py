"""Markdown of model cards: foreign text in it is shown and never interpreted."""

import re
from collections.abc import Iterator, Sequence


def plain(text: str) -> str:
    """Return foreign text with nothing that Markdown would interpret."""
    return re.sub(r"([\\`*_{}\[\]<>()#!|~])", r"\\\1", text)


def code(text: str) -> str:
    """Return foreign text as code within a line."""
    fence = "`"
    while fence in text:
        fence += "`"
    return f"{fence}{text}{fence}" if len(fence) == 1 else f"{fence} {text} {fence}"


def code_block(*lines: str) -> Iterator[str]:
    """Yield a block of shell commands."""
    yield "```sh"
    yield from lines
    yield "```"
    yield ""


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool = True
) -> Iterator[str]:
    """Yield a table; with ``right``, all columns but the first are aligned to the right."""
    yield f"| {' | '.join(headings)} |"
    yield f"|---|{'|'.join(['---:' if right else '---'] * (len(headings) - 1))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
