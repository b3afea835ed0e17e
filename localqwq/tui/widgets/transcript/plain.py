"""Text that only grows, cheap however long it gets."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

CHUNK = 2_000
"""Characters; a longer chunk is closed at its last line break and never laid out again."""


def split(text: str) -> tuple[list[str], str]:
    """Cuts `text` into closed chunks and the open rest.

    Chunks end at line breaks, which are left out since each chunk begins a line of its own. A
    single line longer than a chunk stays whole.
    """
    closed: list[str] = []
    while len(text) > CHUNK:
        cut = text.rfind("\n", 0, CHUNK)
        if cut < 0:
            cut = text.find("\n", CHUNK)
        if cut < 0:
            break
        closed.append(text[:cut])
        text = text[cut + 1 :]
    return closed, text


class GrowingText(Vertical):
    """Plain wrapped text in chunks, of which only the last is laid out when text is added."""

    def __init__(self) -> None:
        super().__init__()
        self._open = ""
        self._last: Static | None = None

    def append(self, text: str) -> None:
        """Adds `text` at the end."""
        closed, self._open = split(self._open + text)
        for chunk in closed:
            self._show(chunk)
            self._last = None
        self._show(self._open.rstrip("\n"))

    def _show(self, chunk: str) -> None:
        if self._last is None:
            self._last = Static(Content(chunk))
            self.mount(self._last)
        else:
            self._last.update(Content(chunk))
