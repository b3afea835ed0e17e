"""A widget of lines, most of which never change again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

from localqwq.tui.text.copied import Mark, selected
from localqwq.tui.widgets.transcript.removable import Removable
from localqwq.tui.widgets.transcript.unpainted import settled_size

GUTTER = 2
"""Cells at the left, where the cursor is shown."""
_BAR = Content.styled("▌ ", "$primary")
_SPACE = Content("  ")
_UNSEEN = Style.null()


class Text(Protocol):
    """A text with lines at a width."""

    source: str
    lines: list[Content]

    @property
    def settled(self) -> int:
        """The number of lines that will not change at this width."""

    def append(self, text: str) -> None:
        """Append text."""

    def draw(self, width: int) -> None:
        """Bring ``lines`` up to date for a width in cells."""


class Lines(Removable):
    """Shows the lines of a text, all of them or the last few.

    A container of Textual's widgets costs time for each of them whenever one grows. Here a line is
    drawn when it becomes visible, and the rest is never touched again.
    """

    virtual_size = settled_size()
    DEFAULT_CSS = "Lines { height: auto; width: 1fr; }"

    @dataclass
    class Clicked(Message):
        """A line was clicked."""

        lines: Lines
        line: int

        @property
        def control(self) -> Lines:
            """The widget."""
            return self.lines

    def __init__(self, text: Text, gutter: Content = _SPACE) -> None:
        """Set up for ``text``, which may grow; ``update`` announces that.

        ``gutter``: what precedes each line, two cells wide.
        """
        super().__init__()
        self._text = text
        self._coming = ""
        self._shown = 0
        self._limit: int | None = None
        self.step = 1
        """The height is a multiple of this, so that growth need not change the layout with each
        line.
        """
        self._marked = range(0)
        self._gutter = gutter
        self._styles: dict[str, Style] = {}
        self._drawn: dict[int, tuple[Content, Strip]] = {}
        self._drawn_for: tuple[int, Style] = (0, Style())

    @property
    def limit(self) -> int | None:
        """Number of last lines shown; None for all."""
        return self._limit

    @limit.setter
    def limit(self, limit: int | None) -> None:
        if limit != self._limit:
            self._limit = limit
            self.refresh(layout=True)

    @property
    def marked(self) -> range:
        """The lines that the cursor is on."""
        return self._marked

    @marked.setter
    def marked(self, lines: range) -> None:
        if lines != self._marked:
            self._marked = lines
            self.refresh()

    @property
    def source(self) -> str:
        """The source of the text, including what is not drawn yet."""
        return self._text.source + self._coming

    @property
    def grew(self) -> bool:
        """Whether there is text that has not been taken in."""
        return bool(self._coming)

    def restart(self, text: Text) -> None:
        """Show another text instead."""
        self._text, self._coming = text, ""
        self._drawn.clear()
        self.refresh(layout=True)

    def append(self, text: str) -> None:
        """Append text, which is taken in later, together with text that follows shortly.

        Others may lay out the screen at any time, measuring some widgets but not those around them,
        so text is taken in only when a layout is requested at once.
        """
        self._coming += text

    def take(self) -> None:
        """Take in the appended text."""
        self._text.append(self._coming)
        self._coming = ""

    def update(self) -> None:
        """Show the current text."""
        if not self.size.width or not self.display:
            self.refresh(layout=True)
            return
        first = self._draw_text()
        if self._height() != self._shown:
            self.refresh(layout=True)
        elif self._limit is not None:
            self.refresh()
        elif first < self._shown:
            self.refresh(Region(0, first, self.size.width, self._shown - first))

    def render(self) -> Content:
        """Return the whole text if asked; it is drawn line by line."""
        return Content("\n").join(self._text.lines)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Return the available width."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines at this width."""
        self._text.draw(self._columns(width))
        self._shown = self._height()
        return self._shown

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the visible lines; each is drawn once, since most never change.

        Textual caches strips by position and drops them when the height changes, which happens ten
        times a second here.
        """
        width = self.size.width
        _, ground = self.background_colors
        base = self.visual_style
        if (width, base) != self._drawn_for:
            self._drawn_for = width, base
            self._drawn.clear()
        filters = self.get_line_filters()
        selection = self.text_selection
        strips = []
        for y in crop.line_range:
            strip = self._strip(y + self._skipped(), width, base, selection)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, ground)
            strips.append(strip)
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """Return one line, where the mouse looks for the text under it."""
        selection = self.text_selection
        return self._strip(y + self._skipped(), self.size.width, self.visual_style, selection)

    def _draw_text(self) -> int:
        """Bring the text up to date; return its first changed line."""
        settled = self._text.settled
        before = self._text.lines[settled:]
        self._text.draw(self._columns(self.size.width))
        if self._text.settled < settled:
            return self._text.settled
        pairs = zip(before, self._text.lines[settled:], strict=False)
        return settled + sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))

    def _strip(self, index: int, width: int, base: Style, selection: Selection | None) -> Strip:
        if not 0 <= index < len(self._text.lines):
            return Strip.blank(width, base.rich_style)
        line = self._text.lines[index]
        plain = selection is None and index not in self._marked
        drawn = self._drawn.get(index)
        if plain and drawn is not None and drawn[0] is line:
            return drawn[1]
        if selection is not None and (span := selection.get_span(index)):
            start, stop = span
            chosen = self.screen.get_visual_style("screen--selection")
            strip = self._draw(
                line.stylize(chosen, start, len(line) if stop == -1 else stop), index, width, base
            )
        else:
            strip = self._draw(line, index, width, base)
        if plain:
            self._drawn[index] = line, strip
        return strip

    def _draw(self, line: Content, index: int, width: int, base: Style) -> Strip:
        gutter = _BAR if index in self._marked else self._gutter
        segments = [
            Segment(text, (base + style).rich_style)
            for text, style in gutter.render(base, end="", parse_style=self._parsed)
        ]
        x = 0
        for text, style in line.render(base, end="", parse_style=self._parsed):
            segments.append(Segment(text, (base + style).rich_style_with_offset(x, index)))
            x += len(text)
        strip = Strip(segments, GUTTER + line.cell_length)
        return strip.adjust_cell_length(width, base.rich_style)

    def notify_style_update(self) -> None:
        """Drop cached lines, since the theme's colours may have changed."""
        self._styles.clear()
        self._drawn.clear()
        super().notify_style_update()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selection, using the source where the screen shows something else."""
        return selected(self._text.lines, selection), "\n"

    def on_click(self, event: events.Click) -> None:
        """Follow a link, or report the clicked line; a selection is not a click."""
        if self.text_selection is not None:
            return
        event.stop()
        if event.style.link:
            self.app.open_url(event.style.link)
        else:
            self.post_message(self.Clicked(self, event.y + self._skipped()))

    def _columns(self, width: int) -> int:
        return max(width - GUTTER, 8)

    def _height(self) -> int:
        lines = len(self._text.lines)
        if self._limit is not None:
            return min(lines, self._limit)
        return -(-lines // self.step) * self.step

    def _skipped(self) -> int:
        return max(len(self._text.lines) - self._limit, 0) if self._limit is not None else 0

    def _parsed(self, style: str | Style) -> Style:
        if isinstance(style, Style):
            return style
        if isinstance(style, Mark):
            return _UNSEEN
        if style not in self._styles:
            self._styles[style] = Style.parse(style, self.app.theme_variables)
        return self._styles[style]
