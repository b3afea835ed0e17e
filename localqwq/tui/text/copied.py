"""What a selection is copied as: text without the breaks and the decoration of the screen.

Lines carry marks, which are styles that show nothing. They say where a line goes on from the one
before, where the text begins behind bullets and blanks, and what stands in the source for what is
shown: TeX for a formula, a row of Markdown for a row of a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content, Span
from textual.selection import Selection


class Mark(str):
    """Says of the text that it is on how it is copied."""

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
        """Mark a text; without more, as one before which there is only decoration.

        Args:
            source: what is copied in place of the text; nothing at all if it is empty.
            between: what was between the line before and this one, which goes on from it.
            inside: whether what has a source, and was begun in the line before, goes on here.
            atomic: whether the source is copied even where only a part of the text is selected.
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
    """Return the lines of a text; those that only the width has begun go on from the one before."""
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
    """Return what is copied of a selection in these lines."""
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
    """A line of which a part is selected."""

    def __init__(self, line: Content, start: int, stop: int, *, alone: bool) -> None:
        self._line = line
        self.to_its_end = stop < 0 or stop >= len(line)
        """Whether the selection reaches its end."""
        self._stop = len(line) if stop < 0 else min(stop, len(line))
        marks = [span for span in line.spans if isinstance(span.style, Mark)]
        owns = [span for span in marks if _mark(span).source is None]
        self.between = next((_mark(span).between for span in owns), None)
        """What was between it and the line before; None for a line of its own."""
        self.is_inside = any(_mark(span).inside for span in owns)
        """Whether something goes on in it that has a source."""
        self._start = max([start, *(span.start for span in owns)])
        self._alone = alone
        sources = (span for span in marks if _mark(span).source is not None)
        self._sources = sorted(sources, key=lambda span: (span.start, -span.end))

    @property
    def is_left_out(self) -> bool:
        """Whether it is nothing of the source, such as a line between the rows of a table."""
        return not self._alone and any(_mark(span).source == "" for span in self._sources)

    def pieces(self) -> Iterator[tuple[str, Mark | None]]:
        """What is copied of it, and for what the source has, its mark."""
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
