"""The list of models, with headings."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from localqwq.tui.widgets.models.rows import Row, Section


class ModelList(OptionList):
    """One line per model. A click moves to a row; another one there acts."""

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._sections: Sequence[Section] = ()
        self._shown: list[Row | str] = []

    @property
    def row(self) -> Row | None:
        """The row at the cursor."""
        if self.highlighted is None or self.highlighted >= len(self._shown):
            return None
        line = self._shown[self.highlighted]
        return line if isinstance(line, Row) else None

    def show(self, sections: Sequence[Section], key: str | None = None) -> None:
        """Show other rows; the cursor moves to the row with this key, else stays where it is."""
        key = key or (self.row.key if self.row else None)
        before = [_key(line) for line in self._shown]
        self._sections = sections
        self._shown = []
        for section in sections:
            self._shown.append(f"\n{section.title}" if self._shown else section.title)
            self._shown += section.rows
        if before == [_key(line) for line in self._shown] and len(before) == self.option_count:
            for index, line in enumerate(self._shown):
                if isinstance(line, Row):
                    self.replace_option_prompt_at_index(index, self._drawn(line))
        else:
            self._refill(key)
        if key is not None and (place := self._index(key)) is not None:
            self.highlighted = place

    def on_resize(self) -> None:
        """Adapt the columns to the width."""
        self._refill(self.row.key if self.row else None)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the heading above the first row together with it."""
        if event.option_index <= 1:
            self.scroll_home(animate=False)

    def on_click(self, event: events.Click) -> None:
        """Move to the row, or act if the cursor was there already."""
        event.prevent_default()  # the first click would act
        index: int | None = event.style.meta.get("option")
        if index is None or isinstance(self._shown[index], str):
            return
        if index == self.highlighted:
            self.action_select()
        else:
            self.highlighted = index

    def _refill(self, key: str | None) -> None:
        scrolled = self.scroll_y
        self.set_options(
            Option(
                self._drawn(line) if isinstance(line, Row) else Content.styled(line, "$primary"),
                disabled=isinstance(line, str),
            )
            for line in self._shown
        )
        index = self._index(key) if key else None
        if index is None:
            index = next((i for i, line in enumerate(self._shown) if isinstance(line, Row)), None)
        self.scroll_to(y=scrolled, animate=False)
        self.highlighted = index

    def _index(self, key: str) -> int | None:
        return next((i for i, line in enumerate(self._shown) if _key(line) == key), None)

    def _drawn(self, row: Row) -> Content:
        return row.draw(self.scrollable_content_region.width)


def _key(line: Row | str) -> str:
    return line if isinstance(line, str) else line.key
