"""The last look at what the app draws: nothing hidden reaches the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from localqwq.visible import visible, visible_code


class Harmless(LineFilter):
    """Shows as signs what a line still has of control and hidden characters.

    Names, titles and sentences from elsewhere come to the screen in many places, and people type
    and paste into others. A sign may be wider than what it stands for: then the line ends sooner.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of a line, most often the same ones."""
        text = "".join(segment.text for segment in segments)
        if visible_code(text) == text or (shown := visible(text)) == text:
            return segments
        width = Segment.get_line_length(segments)
        return Segment.adjust_line_length([*_again(segments, shown)], width)


def _again(segments: list[Segment], shown: str) -> Iterator[Segment]:
    """The segments with their parts of `shown`, which has as many characters as they."""
    start = 0
    for text, style, control in segments:
        yield Segment(shown[start : start + len(text)], style, control)
        start += len(text)
