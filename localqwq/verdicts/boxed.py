r"""Finding the last ``\boxed{…}`` of an answer."""

import re

_BOX = re.compile(r"\\(?:f|hand)?boxed\s*\{|\\fbox\s*\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def last_boxed(text: str) -> str | None:
    """Return what the last complete box holds, without the spaces around it; None without a box.

    A box that is never closed, because the answer was cut off, does not count.
    """
    for opening in reversed(list(_BOX.finditer(text))):
        depth = 1
        for brace in _BRACE.finditer(text, opening.end()):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            if depth == 0:
                return text[opening.end() : brace.start()].strip()
    return None
