"""Text inside formulas."""

from __future__ import annotations

import re

from localqwq.tui.text.tex import symbols
from localqwq.tui.text.tex.tokens import UnreadableError, split

_WORD_SIGNS = {
    "%": "%",
    "$": "$",
    "_": "_",
    "&": "&",
    "#": "#",
    "{": "{",
    "}": "}",
    " ": " ",
    ",": " ",
}


_QUOTES = (("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"))


def said(text: str) -> str:
    """Return text as it is shown: quotes, dashes, escaped signs, and words in other fonts."""
    shown = ""
    for token in split(text):
        name = token[1:]
        if token in "{}":
            continue
        if token[0] != "\\":
            shown += " " if token == "~" or token.isspace() else token
        elif name in _WORD_SIGNS:
            shown += _WORD_SIGNS[name]
        elif name in symbols.COMMANDS:
            shown += symbols.COMMANDS[name][0]
        elif name not in symbols.TEXTS:
            raise UnreadableError
    for written, sign in _QUOTES:
        shown = shown.replace(written, sign)
    return re.sub(" +", " ", shown)
