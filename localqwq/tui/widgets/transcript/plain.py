"""Growing plain text, as wrapped lines that are made once."""

from __future__ import annotations

from textual.content import Content, Span

from localqwq.tui.text.copied import Mark, wrapped
from localqwq.tui.text.mathematics import LONGEST, pieces
from localqwq.visible import visible

LONG_LINE = 1_500
"""Characters; a longer line is settled before one of its spaces."""


class PlainText:
    """The lines of a text at a width; formulas are made readable.

    ``lines`` is up to date after ``draw``.
    """

    def __init__(self, source: str = "", *, formulas: bool = True) -> None:
        """Set up from a text, or the beginning of a growing one.

        ``formulas``: whether it may contain some; without, it is shown as it is.
        """
        self.source = source
        self._content = _content if formulas else Content
        self.lines: list[Content] = []
        self._width = 0
        self._drawn = (0, 0)
        self._offset = 0
        self.settled = 0
        """Number of lines that will not change."""
        self._lead = Content("")

    def append(self, text: str) -> None:
        """Append text."""
        self.source += text

    def draw(self, width: int) -> None:
        """Lay out what was added, or everything at a new width."""
        if (width, len(self.source)) == self._drawn:
            return
        self._drawn = width, len(self.source)
        if width != self._width or not self.settled:
            self._width, self.settled, self._lead = width, 0, Content("")
            self._offset = len(self.source) - len(self.source.lstrip("\n"))
        del self.lines[self.settled :]
        rest = visible(self.source[self._offset :]).rstrip("\n")
        while cut := settled(rest):
            self._add(rest[:cut])
            self._offset, self.settled = self._offset + cut, len(self.lines)
            rest = rest[cut:]
        if rest:
            self.lines += wrapped(self._lead + self._content(rest), self._width)

    def _add(self, text: str) -> None:
        lines = wrapped(self._lead + self._content(text.removesuffix("\n")), self._width)
        self._lead = Content("")
        if not text.endswith("\n"):
            self._lead = lines.pop()
        self.lines += lines


def _content(text: str) -> Content:
    """Return the text with its formulas, each of which knows its source."""
    plain, spans = "", list[Span]()
    for piece, formula in pieces(text):
        if formula is not None:
            mark = Mark(text[formula.start : formula.end], atomic=True)
            spans.append(Span(len(plain), len(plain) + len(piece), mark))
        plain += piece
    return Content(plain, spans)


def settled(text: str) -> int:
    """Return how much of a growing text is settled: whole lines, and the beginning of a long line.

    A formula of several lines stays together.
    """
    cut = text.rfind("\n") + 1
    opened = _opened(text, cut)
    if opened >= 0 and text.find("\n\n", opened, cut) < 0 and len(text) - opened < LONGEST:
        cut = text.rfind("\n", 0, opened) + 1
    if not cut and len(text) > LONG_LINE:
        space = text.rfind(" ", 0, len(text) - LONG_LINE // 3)
        # A space at its end would be wrapped together with the last word.
        cut = len(text[: max(0, space)].rstrip(" "))
    return cut


def _opened(text: str, stop: int) -> int:
    """Return where a formula begins that is not closed before ``stop``; -1 if there is none."""
    places = []
    for opening, closing in (("\\[", "\\]"), ("\\begin{", "\\end{")):
        place = text.rfind(opening, 0, stop)
        if place >= 0 and text.find(closing, place, stop) < 0:
            places.append(place)
    if text.count("$$", 0, stop) % 2:
        places.append(text.rfind("$$", 0, stop))
    return min(places, default=-1)
