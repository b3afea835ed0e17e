"""Terminal frames reduced to the change that they show.

Textual writes whole lines, each piece with all of its colours, and writes every line again after
scrolling. Here the terminal's content is remembered: the terminal itself moves lines that have
moved, only differences are written, and colours only where they change.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

_MOVE = re.compile(r"\x1b\[(\d+);(\d+)H")
_PIECE = re.compile(r"\x1b\[([\d;]*)m|\x1b\]8;([^\x1b]*)\x1b\\|([^\x1b]+)")
_HARMLESS = re.compile(r"(?:\x1b\[\?2026[hl]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x07)*")
"""Sequences that do not change the picture: marks around a frame, clipboard, pointer, bell."""
_NO_LINK = ";"
_FEWEST = 3
"""Minimum number of moved lines; for fewer it is not worth looking."""


class Segment(NamedTuple):
    """Text of one style."""

    text: str
    style: str
    """The parameters of its SGR sequence."""
    link: str
    """Parameters and target of a link, as in its sequence."""


@lru_cache(4096)
def _is_exact(text: str) -> bool:
    return text.isascii() or all(cell_len(sign) == 1 for sign in text)


class Body:
    """A line of the terminal without its last cell, where there may be a scroll bar."""

    __slots__ = ("exact", "is_blank", "segments", "width")

    def __init__(self, segments: Iterable[Segment]) -> None:
        """Set up from segments; neighbours of one style are merged."""
        merged: list[Segment] = []
        for text, style, link in segments:
            if merged and merged[-1].style == style and merged[-1].link == link:
                merged[-1] = Segment(merged[-1].text + text, style, link)
            elif text:
                merged.append(Segment(text, style, link))
        self.segments = tuple(merged)
        text = "".join([segment.text for segment in merged])
        self.width = cell_len(text)
        self.exact = text.isascii() or all(_is_exact(part.text) for part in merged)
        """Whether each character certainly takes one cell."""
        self.is_blank = text.isspace()


class Row(NamedTuple):
    """A line of the terminal."""

    body: Body
    edge: Segment
    """Its last cell."""


class Picture:
    """What a terminal shows, as far as it is known."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}

    def forget(self) -> None:
        """Forget everything: the next frame is written as a whole."""
        self._rows.clear()

    def reduced(self, data: str, columns: int) -> str:
        """Return shorter output with the same effect on the terminal as ``data``, if possible.

        ``data`` is a frame of Textual's for a terminal with ``columns`` columns: lines at their
        positions, and finally the cursor's position. Anything else is returned unchanged, and what
        it may have changed is forgotten.
        """
        frame = _runs(data)
        if frame is None:
            if not _HARMLESS.fullmatch(data):
                self.forget()
            return data
        runs, cursor = frame
        rows, loose = self._next(runs, columns)
        written = self._written(self._rows, rows)
        scrolled = self._scrolled(rows)
        if scrolled is not None and len(scrolled) < len(written):
            written = scrolled
        self._rows.update(rows)
        return f"{written}{loose}{cursor}"

    def _next(self, runs: Mapping[int, dict[int, str]], columns: int) -> tuple[dict[int, Row], str]:
        """Return the new lines, and the output for lines whose content is unknown."""
        rows: dict[int, Row] = {}
        loose: list[str] = []
        for y, pieces in runs.items():
            row = _whole(pieces, columns) or self._rows.get(y)
            if row is None or row.body.width + 1 != columns:
                self._rows.pop(y, None)
                loose += (f"\x1b[{y};{x}H{text}" for x, text in pieces.items())
                continue
            if row is self._rows.get(y):
                for x, text in pieces.items():
                    row = _spliced(row, x - 1, _body((text,)))
            rows[y] = row
        return rows, "".join(loose)

    @staticmethod
    def _written(before: Mapping[int, Row], rows: Mapping[int, Row]) -> str:
        """Return the output that turns the old lines into the new ones."""
        pen = _Pen()
        parts = [pen.line(y, before.get(y), row) for y, row in rows.items()]
        return "".join([*parts, pen.put_down()])

    def _scrolled(self, rows: Mapping[int, Row]) -> str | None:
        """Return the same with the terminal moving lines first; None if none have moved."""
        shift = _shift(self._rows, rows)
        if shift is None:
            return None
        by, top, bottom = shift
        region = range(top, bottom + 1)
        if not all(y in self._rows for y in region):
            return None
        after = {y: row for y, row in self._rows.items() if y not in region}
        after |= {y: self._rows[y + by] for y in region if y + by in region}
        kept = {y: self._rows[y] for y in region}
        up = f"\x1b[{bottom};1H" + "\n" * by
        move = up if by > 0 else f"\x1b[{top};1H" + "\x1bM" * -by
        wanted = dict(sorted({**kept, **rows}.items()))
        return f"\x1b[{top};{bottom}r{move}\x1b[r" + self._written(after, wanted)


def _runs(data: str) -> tuple[dict[int, dict[int, str]], str] | None:
    """Return the pieces of a frame by line and column, and the last sequence; None if it is not a
    frame.
    """
    first, *parts = _MOVE.split(data)
    if first or not parts or parts[-1]:
        return None
    runs: dict[int, dict[int, str]] = {}
    for y, x, text in zip(parts[:-3:3], parts[1:-3:3], parts[2:-3:3], strict=True):
        text = text.removesuffix("\n")
        if _segments(text) is None:
            return None
        runs.setdefault(int(y), {})[int(x)] = text
    return runs, f"\x1b[{parts[-3]};{parts[-2]}H"


@lru_cache(4096)
def _segments(text: str) -> tuple[Segment, ...] | None:
    """Return the segments of a piece; None if it has anything but text, colours and links."""
    segments: list[Segment] = []
    style, link = "", _NO_LINK
    end = 0
    for match in _PIECE.finditer(text):
        if match.start() != end:
            return None
        end = match.end()
        if match[3] is not None:
            segments.append(Segment(match[3], style, link))
        elif match[2] is not None:
            link = match[2]
        else:
            style = "" if match[1] in ("", "0") else match[1]
    if end != len(text) or any("\n" in segment.text for segment in segments):
        return None
    return tuple(segments)


@lru_cache(4096)
def _body(texts: tuple[str, ...]) -> Body:
    """Return adjacent pieces as a body, from a cache if possible."""
    return Body(segment for text in texts for segment in _segments(text) or ())


def _whole(pieces: Mapping[int, str], columns: int) -> Row | None:
    """Return a line that is written from its beginning to its end."""
    place = 1
    for x, text in pieces.items():
        if x != place:
            return None
        place += _body((text,)).width
    if place <= columns:
        return None
    *before, last = pieces.values()
    edge = _body((last,))
    if before and edge.width == 1:
        return Row(_body(tuple(before)), edge.segments[0])
    return _row(_body((*before, last)).segments, columns)


def _row(segments: Sequence[Segment], width: int) -> Row:
    (edge,) = cropped(segments, width - 1, width)
    return Row(Body(cropped(segments, 0, width - 1)), edge)


def cropped(
    segments: Iterable[Segment], start: int, stop: int, size: Callable[[str], int] = cell_len
) -> list[Segment]:
    """Return the cells from ``start`` to ``stop``, with blanks for wide characters that are cut.

    ``size`` returns the cells of a text.
    """
    found: list[Segment] = []
    cell = 0
    for segment in segments:
        if cell >= stop:
            break
        text, style, link = segment
        width = size(text)
        end = cell + width
        if end > start:
            if start <= cell and end <= stop:
                found.append(segment)
            else:
                part = _cells(text, max(start - cell, 0), min(stop - cell, width), width)
                found.append(Segment(part, style, link))
        cell = end
    return found


def _cells(text: str, start: int, stop: int, width: int) -> str:
    if width == len(text):
        return text[start:stop]
    shown, cell = "", 0
    for sign in text:
        size = cell_len(sign)
        if start <= cell and cell + size <= stop:
            shown += sign
        else:
            shown += " " * (min(cell + size, stop) - max(cell, start))
        cell += size
    return shown


def _spliced(row: Row, start: int, piece: Body) -> Row:
    """Return a line with a piece of another one in it."""
    body, edge = row
    if start == body.width and piece.width == 1:
        return Row(body, piece.segments[0])
    width = body.width + 1
    whole = (*body.segments, edge)
    size = len if body.exact and edge.text.isascii() else cell_len
    before, after = cropped(whole, 0, start, size), cropped(whole, start + piece.width, width, size)
    return _row([*before, *piece.segments, *after], width)


def _shift(before: Mapping[int, Row], rows: Mapping[int, Row]) -> tuple[int, int, int] | None:
    """Return by how much most lines have moved up, and the first and last line affected."""
    places: dict[int, list[int]] = {}
    for y, row in before.items():
        if not row.body.is_blank:
            places.setdefault(id(row.body), []).append(y)
    votes: Counter[int] = Counter(
        place - y for y, row in rows.items() for place in places.get(id(row.body), ())
    )
    by, count = max(votes.items(), key=lambda vote: vote[1], default=(0, 0))
    if not by or count < _FEWEST:
        return None
    moved = [y for y, row in rows.items() if y + by in places.get(id(row.body), ())]
    return by, min(moved) + min(by, 0), max(moved) + max(by, 0)


class _Pen:
    """Writes segments, tracking the terminal's current style."""

    def __init__(self) -> None:
        self._style, self._link = "", _NO_LINK

    def line(self, y: int, before: Row | None, row: Row) -> str:
        """Return the output that turns the old line into the new one."""
        body, edge = row
        if before is None or before.body.width != body.width:
            return self._at(y, 1, (*body.segments, edge))
        same_edge = before.edge == edge
        if before.body is body or before.body.segments == body.segments:
            return "" if same_edge else self._at(y, body.width + 1, (edge,))
        if not (before.body.exact and body.exact):
            return self._at(y, 1, (*body.segments, edge))
        start, stop = _differing(before.body, body)
        written = self._at(y, start + 1, cropped(body.segments, start, stop, len))
        return written if same_edge else written + self._at(y, body.width + 1, (edge,))

    def _at(self, y: int, x: int, segments: Iterable[Segment]) -> str:
        return f"\x1b[{y};{x}H" + "".join([self._segment(segment) for segment in segments])

    def put_down(self) -> str:
        """Return the end of a frame."""
        style, link = self._style, self._link
        self._style, self._link = "", _NO_LINK
        return "\x1b[0m" * bool(style) + "\x1b]8;;\x1b\\" * (link != _NO_LINK)

    def _segment(self, segment: Segment) -> str:
        text = segment.text
        if segment.link != self._link:
            self._link = segment.link
            text = f"\x1b]8;{segment.link}\x1b\\{text}"
        style, self._style = self._style, segment.style
        return _change(style, segment.style) + text


def _differing(before: Body, body: Body) -> tuple[int, int]:
    """Return the first cell in which two lines of one width differ, and the end of the
    difference.
    """
    one, other = before.segments, body.segments
    start = first = 0
    while one[first] == other[first]:
        start += len(other[first].text)
        first += 1
    if one[first][1:] == other[first][1:]:
        start += _alike(one[first].text, other[first].text)
    stop, last = body.width, -1
    while one[last] == other[last] and stop - len(other[last].text) > start:
        stop -= len(other[last].text)
        last -= 1
    if one[last][1:] == other[last][1:]:
        same = _alike(one[last].text[::-1], other[last].text[::-1])
        stop -= min(same, stop - start)
    return start, stop


def _alike(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


@lru_cache(4096)
def _change(before: str, after: str) -> str:
    """Return the sequence from one style to another."""
    if before == after:
        return ""
    if not after:
        return "\x1b[0m"
    old, new = _parsed(before), _parsed(after)
    if set(old) <= set(new):
        changed = [code for kind, code in new.items() if old.get(kind) != code]
        return f"\x1b[{';'.join(changed)}m"
    return f"\x1b[0;{after}m"


@lru_cache(4096)
def _parsed(style: str) -> dict[str, str]:
    """Return what a style sets: its colours and attributes, and their codes."""
    codes = style.split(";") if style else []
    found: dict[str, str] = {}
    while codes:
        code = codes.pop(0)
        number = int(code)
        if number in (38, 48):
            count = 4 if codes and codes[0] == "2" else 2
            more, codes = codes[:count], codes[count:]
            found["text" if number == 38 else "ground"] = ";".join([code, *more])
        elif number in range(30, 38) or number in range(90, 98):
            found["text"] = code
        elif number in range(40, 48) or number in range(100, 108):
            found["ground"] = code
        else:
            found[code] = code
    return found
