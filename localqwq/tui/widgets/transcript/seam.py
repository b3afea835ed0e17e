"""Where a growing list is cut, so that what is settled of it is not laid out again."""

from __future__ import annotations

from markdown_it import MarkdownIt

ITEMS = 8
"""So many items are kept together; each costs some milliseconds whenever the list grows."""

_parser = MarkdownIt("gfm-like")


def seam(source: str) -> int | None:
    """Where a list at the end of `source` goes on after its first items.

    Both sides are Markdown of their own and show the same items with the same numbers. None when
    `source` does not end in a list with more items.
    """
    tokens = _parser.parse(source)
    top = [index for index, token in enumerate(tokens) if token.level == 0 and token.nesting == 1]
    if not top or not tokens[top[-1]].type.endswith("_list_open"):
        return None
    items = (token for token in tokens[top[-1] :] if token.type == "list_item_open")
    starts = [token.map[0] for token in items if token.level == 1 and token.map]
    if len(starts) <= ITEMS:
        return None
    return sum(map(len, source.splitlines(keepends=True)[: starts[ITEMS]]))
