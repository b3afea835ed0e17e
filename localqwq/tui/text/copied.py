"""Copying a selection: the source text without the screen's line breaks and decoration.

Lines carry marks, which are invisible styles. They say where a line continues the one before, where
the text begins after bullets and blanks, and which source the shown text stands for: TeX for a
formula, a row of Markdown for a row of a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content, Span
from textual.selection import Selection


class Mark(str):
    """Tells how the text that it is on is copied."""

    source: str | None
    between: str | None
    inside: bool
    atomic: bool

    def __new__(
        cls,
        source: str | None = None,
        *,
        between: str | None = None,
        inside: bool = False,
        atomic: bool = False,
    ) -> Mark:
        """Create a mark; by default, one that only decoration precedes.

        Args:
            source: copied in place of the text; if empty, nothing is copied.
            between: the text between the line before and this one, which continues it.
            inside: whether something with a source, begun in the line before, continues here.
            atomic: whether the source is copied even if only part of the text is selected.
        """
        mark = super().__new__(cls, "")
        mark.source, mark.between, mark.inside, mark.atomic = source, between, inside, atomic
        return mark

    def _key(self) -> tuple[object, ...]:
        return self.source, self.between, self.inside, self.atomic

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mark) and self._key() == other._key()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._key())


def marked(text: Content, *marks: Mark) -> Content:
    """Return a text with marks on all of it."""
    for mark in marks:
        text = text.stylize(mark)
    return text


def written(lines: Iterable[Content], source: str, *, atomic: bool = False) -> list[Content]:
    """Return lines that are copied together, as their source."""
    mark, inside = Mark(source, atomic=atomic), Mark(between="", inside=True)
    first, *others = lines
    return [marked(first, mark), *(marked(line, mark, inside) for line in others)]


def wrapped(text: Content, width: int) -> list[Content]:
    """Return the wrapped lines of a text, marked as continuations."""
    lines: list[Content] = []
    parts = text.split("\n", allow_blank=True) if "\n" in text.plain else (text,)
    for part in parts:
        first, *others = part.wrap(width)
        lines.append(first)
        stop = len(first)
        for line in others:
            start = part.plain.find(line.plain, stop)
            inside = any(
                span.start < stop and span.end > start
                for span in part.spans
                if isinstance(span.style, Mark) and span.style.source is not None
            )
            lines.append(marked(line, Mark(between=part.plain[stop:start], inside=inside)))
            stop = start + len(line)
    return lines


def selected(lines: Sequence[Content], selection: Selection) -> str:
    """Return the text to copy for a selection in these lines."""
    first = selection.start.y if selection.start is not None else 0
    last = selection.end.y if selection.end is not None else len(lines) - 1
    copied: list[str] = []
    before: Mark | None = None
    for y in range(max(first, 0), min(last + 1, len(lines))):
        span = selection.get_span(y)
        if span is None:
            continue
        line = _Line(lines[y], *span, alone=first == last)
        pieces = list(line.pieces())
        goes_on = line.is_inside and before is not None and pieces[:1] == [(before.source, before)]
        if goes_on:
            del pieces[0]
        text = "".join(piece for piece, _ in pieces)
        if line.is_left_out or (goes_on and not text.strip()):
            continue
        if copied and not goes_on:
            copied.append("\n" if line.between is None else line.between)
        copied.append(text.rstrip() if line.to_its_end else text)
        before = next((mark for piece, mark in reversed(pieces) if mark or piece.strip()), before)
    return "".join(copied)


class _Line:
    """A partly selected line."""

    def __init__(self, line: Content, start: int, stop: int, *, alone: bool) -> None:
        self._line = line
        self.to_its_end = stop < 0 or stop >= len(line)
        """Whether the selection reaches its end."""
        self._stop = len(line) if stop < 0 else min(stop, len(line))
        marks = [span for span in line.spans if isinstance(span.style, Mark)]
        owns = [span for span in marks if _mark(span).source is None]
        self.between = next((_mark(span).between for span in owns), None)
        """The text between it and the line before; None for a line of its own."""
        self.is_inside = any(_mark(span).inside for span in owns)
        """Whether something with a source continues in it."""
        self._start = max([start, *(span.start for span in owns)])
        self._alone = alone
        sources = (span for span in marks if _mark(span).source is not None)
        self._sources = sorted(sources, key=lambda span: (span.start, -span.end))

    @property
    def is_left_out(self) -> bool:
        """Whether it is not part of the source, such as a line between the rows of a table."""
        return not self._alone and any(_mark(span).source == "" for span in self._sources)

    def pieces(self) -> Iterator[tuple[str, Mark | None]]:
        """Yield the text to copy, with its mark if it has a source."""
        position, plain = self._start, self._line.plain
        for span in self._sources:
            mark = _mark(span)
            if span.end <= position or span.start >= self._stop:
                continue
            whole = self._start <= span.start and span.end <= self._stop
            if not (whole or mark.atomic or not self._alone):
                continue
            if span.start > position:
                yield plain[position : span.start], None
            yield mark.source or "", mark
            position = span.end
        if position < self._stop:
            yield plain[position : self._stop], None


def _mark(span: Span) -> Mark:
    assert isinstance(span.style, Mark)
    return span.style
