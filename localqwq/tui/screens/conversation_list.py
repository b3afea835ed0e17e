"""The list of conversations, as a widget that leaves the keyboard to the search box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from textual import events
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from localqwq.tui.screens.conversation_rows import Row


class ConversationList(OptionList, can_focus=False):
    """One line per row. A click moves to a row; another one there opens it."""

    def __init__(self, states: Mapping[int, str]) -> None:
        """Set up; ``states``: remarks about conversations."""
        super().__init__(compact=True)
        self._states = states
        self._rows: Sequence[Row] = ()

    @property
    def row(self) -> Row | None:
        """The row at the cursor."""
        if self.highlighted is None or self.highlighted >= len(self._rows):
            return None
        return self._rows[self.highlighted]

    def show(self, rows: Sequence[Row], cursor: int = 0) -> None:
        """Show other rows, with the cursor in one of them."""
        self._rows = rows
        self._draw(cursor)

    def tell(self, states: Mapping[int, str]) -> None:
        """Show other remarks, if they have changed."""
        if states != self._states:
            self._states = states
            self._draw(self.highlighted or 0)

    def on_resize(self) -> None:
        """Adapt the columns to the width."""
        self._draw(self.highlighted or 0)

    def on_click(self, event: events.Click) -> None:
        """Move to the row, or open it if the cursor was there already."""
        event.prevent_default()  # the first click would open it
        index = event.style.meta.get("option")
        if index is None:
            return
        if index == self.highlighted:
            self.action_select()
        else:
            self.highlighted = index

    def _draw(self, cursor: int) -> None:
        now = datetime.now()
        width = self.scrollable_content_region.width
        self.set_options(
            Option(row.draw(width, now, self._states.get(row.conversation, "")))
            for row in self._rows
        )
        self.highlighted = min(cursor, len(self._rows) - 1) if self._rows else None
