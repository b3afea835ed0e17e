"""Text that may be painted once more after it was removed."""

from __future__ import annotations

from textual.selection import Selection
from textual.widget import Widget


class Removable(Widget):
    """Knows of no selection once it is not on a screen any more.

    A frame may be painted between the removal of a widget and the next layout. Textual asks the
    screen for a widget's selection then, and a widget without a screen ends the app.
    """

    @property
    def text_selection(self) -> Selection | None:
        """What is selected in it; None for nothing."""
        return super().text_selection if self.is_attached else None
