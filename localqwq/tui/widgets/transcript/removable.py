"""Text that may be painted once more after it was removed."""

from __future__ import annotations

from textual.selection import Selection
from textual.widget import Widget


class Removable(Widget):
    """Has no selection once it is not on a screen any more.

    A frame may be painted between the removal of a widget and the next layout. Textual then asks
    the screen for the widget's selection, and a widget without a screen crashes the app.
    """

    @property
    def text_selection(self) -> Selection | None:
        """The selection in it; None if there is none."""
        return super().text_selection if self.is_attached else None
