"""A final filter on what the app draws: nothing hidden reaches the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from localqwq.visible import visible, visible_code


class Harmless(LineFilter):
    """Replaces remaining control and hidden characters in a line with signs.

    Foreign names, titles and sentences reach the screen in many places, and people type and paste.
    A sign may be wider than what it replaces: then the line ends sooner.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of a line, usually unchanged."""
        text = "".join(segment.text for segment in segments)
        if visible_code(text) == text or (shown := visible(text)) == text:
            return segments
        width = Segment.get_line_length(segments)
        return Segment.adjust_line_length([*_again(segments, shown)], width)


def _again(segments: list[Segment], shown: str) -> Iterator[Segment]:
    """Return the segments with their parts of ``shown``, which has as many characters as they
    have.
    """
    start = 0
    for text, style, control in segments:
        yield Segment(shown[start : start + len(text)], style, control)
        start += len(text)
