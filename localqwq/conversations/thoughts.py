"""Thoughts between tags in the text of an answer."""

from __future__ import annotations

import re

_NAMES = r"think|thinking|thought|reasoning|reason"
_OPENED = re.compile(rf"\s*<({_NAMES})>", re.IGNORECASE)
_CLOSED = re.compile(rf"</({_NAMES})>", re.IGNORECASE)


def split(text: str) -> tuple[str, str]:
    """Return the answer, and the thoughts at its beginning.

    Templates that open the thought themselves leave only its end in the text. A thought without an
    end was stopped; tags further on belong to the answer.
    """
    thoughts: list[str] = []
    while True:
        opened = _OPENED.match(text)
        closed = _CLOSED.search(text, opened.end() if opened else 0)
        if opened is None and (closed is None or thoughts or _mentions(text, closed.start())):
            break
        begin = opened.end() if opened else 0
        end, after = (closed.start(), closed.end()) if closed else (len(text), len(text))
        thoughts.append(text[begin:end].strip())
        text = text[after:]
    return text.strip() if thoughts else text, "\n\n".join(filter(None, thoughts))


def _mentions(text: str, end: int) -> bool:
    """Return whether the text only mentions a closing tag: in code, or opened before."""
    before = text[:end]
    return before.count("`") % 2 == 1 or f"<{text[end + 2 :].partition('>')[0]}>" in before
