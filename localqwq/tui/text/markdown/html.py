"""HTML blocks: collapsible parts are shown open, the rest as written."""

from __future__ import annotations

import re
from html import unescape

from textual.content import Content

from localqwq.tui.text.copied import wrapped
from localqwq.visible import visible

_QUIET = "$foreground 60%"
_SUMMARY = re.compile(r"<summary\b[^>]*>(.*?)</summary>", re.DOTALL | re.IGNORECASE)
_DETAILS = re.compile(r"</?details\b[^>]*>", re.IGNORECASE)

_TAG = re.compile(r"</?[A-Za-z][^>]*>")


def html_lines(source: str, width: int) -> list[Content]:
    """Return the lines of a block; the end of ``<details>`` has none."""
    lines: list[Content] = []
    position = 0
    for summary in _SUMMARY.finditer(source):
        lines += _rest(source[position : summary.start()], width)
        title = visible(" ".join(unescape(_TAG.sub("", summary[1])).split()))
        lines += Content.assemble(("▾ ", _QUIET), (title or "Details", "bold")).wrap(width)
        position = summary.end()
    return lines + _rest(source[position:], width)


def _rest(source: str, width: int) -> list[Content]:
    """Return everything but the frame of a collapsible part, as written."""
    if _DETAILS.search(source):
        text = Content(_DETAILS.sub("", source).strip())
    else:
        text = Content.styled(source.strip("\n"), _QUIET)
    return wrapped(text, width) if text.plain.strip() else []
