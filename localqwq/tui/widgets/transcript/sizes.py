"""Sizes that need no second look."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import Reactive


def settled_size() -> Reactive[Size]:
    """A widget's `virtual_size` that asks for nothing when it changes.

    It changes in a layout, before anything is painted. Textual then lays the screen out and paints
    it once more, in case scroll bars appear; but those ask for that themselves.
    """
    return Reactive(Size(0, 0), layout=False, repaint=False)
