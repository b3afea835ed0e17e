"""Screens whose widgets may be removed while a person clicks on them."""

from __future__ import annotations

from typing import Any

from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget


class Steady(Screen[Any]):
    """Begins no selection in a widget that is seen until the next layout, but was removed.

    Textual asks for the parent of what the mouse is pressed on, and ends the app without one.
    """

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """The widget at a cell of the screen, and the place in its text."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (widget, offset) if widget is not None and widget.is_attached else (None, None)
