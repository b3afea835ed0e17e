"""Containers that cost little: nothing of their own is to be seen."""

from __future__ import annotations

from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget


def settled_size() -> Reactive[Size]:
    """A widget's `virtual_size` that asks for nothing when it changes.

    It changes in a layout, before anything is painted. Textual then lays the screen out and paints
    it once more, in case scroll bars appear; but those ask for that themselves.
    """
    return Reactive(Size(0, 0), layout=False, repaint=False)


class Unpainted(Widget):
    """Draws one blank line for all of its own, which parts of it cover.

    Textual's `BLANK` does the same, but forgets the filters that NO_COLOR asks for.
    """

    virtual_size = settled_size()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The ground."""
        _, ground = self.background_colors
        strip = Strip.blank(crop.width, self.visual_style.rich_style)
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, ground)
        return [strip] * crop.height
