"""The list of conversations, as a widget that leaves the keyboard to the search box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from textual import events
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from localqwq.tui.screens.conversation_rows import Row


class ConversationList(OptionList, can_focus=False):
    """One line for each row. A click goes to a row; another one there opens it."""

    def __init__(self, states: Mapping[int, str]) -> None:
        """`states`: what is to be said of conversations, where there is anything."""
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
        """Shows other rows, with the cursor in one of them."""
        self._rows = rows
        self._draw(cursor)

    def tell(self, states: Mapping[int, str]) -> None:
        """Says other things of the conversations, if they are others."""
        if states != self._states:
            self._states = states
            self._draw(self.highlighted or 0)

    def on_resize(self) -> None:
        """The columns follow the width."""
        self._draw(self.highlighted or 0)

    def on_click(self, event: events.Click) -> None:
        """Goes to the row, and opens it if the cursor was there already."""
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
