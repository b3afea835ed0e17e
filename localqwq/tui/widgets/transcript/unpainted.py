"""Cheap containers without any visible content of their own."""

from __future__ import annotations

from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget


def settled_size() -> Reactive[Size]:
    """Return a ``virtual_size`` attribute that triggers nothing when it changes.

    It changes in a layout, before anything is painted. Textual would then lay out and paint the
    screen again, in case scroll bars appear; but those request that themselves.
    """
    return Reactive(Size(0, 0), layout=False, repaint=False)


class Unpainted(Widget):
    """Draws one blank line for all of its own area, which its children cover.

    Textual's ``BLANK`` does the same, but ignores the filters that NO_COLOR requires.
    """

    virtual_size = settled_size()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the background."""
        _, ground = self.background_colors
        strip = Strip.blank(crop.width, self.visual_style.rich_style)
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, ground)
        return [strip] * crop.height
