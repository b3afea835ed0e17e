"""The page that the transcript scrolls: the newest turns, and older ones on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.layout import WidgetPlacement
from textual.message import Message
from textual.widget import AwaitMount, Widget
from textual.widgets import Static

from localqwq.conversations.turns import Turn
from localqwq.tui.widgets.transcript.turns import TurnView
from localqwq.tui.widgets.transcript.unpainted import Unpainted

SCREENFULS = 2
"""Number of screenfuls loaded at once; the rest is loaded when scrolled to."""


class More(Static):
    """Stands for turns that are not on the page yet."""

    DEFAULT_CSS = """
    More {
        height: 1;
        margin: 0 0 1 0;
        padding: 0 2;
        color: $text-muted;
        pointer: pointer;

        &:hover { color: $foreground; }
    }
    """

    @dataclass
    class Wanted(Message):
        """It was clicked."""

        above: bool
        """Whether the turns above are wanted, or those below."""

    def __init__(self, count: int, *, above: bool) -> None:
        """Set up for ``count`` turns."""
        sign, word = ("▲", "earlier") if above else ("▼", "later")
        super().__init__(Content(f"{sign} {count:,} {word} turns"))
        self._above = above

    def on_click(self, event: events.Click) -> None:
        """Request the turns."""
        event.stop()
        self.post_message(self.Wanted(self._above))


class Page(Vertical, Unpainted):
    """Turns and notes, oldest first: a contiguous part of the conversation."""

    DEFAULT_CSS = """
    Page {
        height: auto;
        min-height: 100%;
        width: 100%;
        max-width: 104;
        padding: 0 2;
    }
    """

    def __init__(self, draw: Callable[[Turn], TurnView]) -> None:
        """Set up; ``draw`` creates the view of a stored turn."""
        super().__init__(id="page")
        self._draw = draw
        self._turns: list[Turn] = []
        self._shown = range(0)
        self._still: tuple[TurnView, bool, float] | None = None

    def mount(
        self,
        *widgets: Widget,
        before: int | str | Widget | None = None,
        after: int | str | Widget | None = None,
    ) -> AwaitMount:
        """Mount widgets as usual; none if the page is gone because the app is ending."""
        if not self.is_attached:
            return AwaitMount(self, [])
        return super().mount(*widgets, before=before, after=after)

    @property
    def views(self) -> list[TurnView]:
        """The turns on the page."""
        return [view for view in self.children if isinstance(view, TurnView)]

    @property
    def has_earlier(self) -> bool:
        """Whether turns above are missing."""
        return self._shown.start > 0

    @property
    def has_later(self) -> bool:
        """Whether turns below are missing."""
        return self._shown.stop < len(self._turns)

    def has_yet_to_show(self, turn: int) -> bool:
        """Return whether a turn is among those above."""
        return any(known.id == turn for known in self._turns[: self._shown.start])

    async def show(self, turns: Sequence[Turn], lines: int, width: int) -> None:
        """Show turns instead of the present ones: the last ones, enough for ``lines``."""
        self._turns = list(turns)
        start = self._before(len(turns), lines, width)
        await self._replace(range(start, len(turns)))

    def know(self, turn: Turn) -> None:
        """Note that a turn at the end is stored and on the page."""
        self._turns.append(turn)
        self._shown = range(self._shown.start, len(self._turns))

    async def forget(self, views: Sequence[TurnView]) -> None:
        """Remove turns at the end."""
        gone = {view.turn.id for view in views if view.turn is not None}
        self._turns = [turn for turn in self._turns if turn.id not in gone]
        self._shown = range(self._shown.start, len(self._turns))
        await self.remove_children(views)

    async def earlier(self, lines: int, width: int) -> None:
        """Add turns above without moving the visible ones."""
        if not self.has_earlier:
            return
        if self.views:
            self._hold(self.views[0])
        start = self._before(self._shown.start, lines, width)
        await self._mount(range(start, self._shown.start), above=True)
        self.call_after_refresh(self._release)

    async def later(self, lines: int, width: int) -> None:
        """Add turns below."""
        if self.has_later:
            stop = self._behind(self._shown.stop, lines, width)
            await self._mount(range(self._shown.stop, stop), above=False)

    async def reach(self, turn: int, lines: int, width: int) -> TurnView | None:
        """Return the view of a turn, on a new page around it if it is far away."""
        index = next((i for i, known in enumerate(self._turns) if known.id == turn), None)
        if index is not None and index not in self._shown:
            stop = self._behind(index, lines, width)
            await self._replace(range(self._before(index, lines // 2, width), stop))
        return next((view for view in self.views if view.turn and view.turn.id == turn), None)

    async def to_end(self, lines: int, width: int) -> None:
        """Show the last turns, if they are not on the page."""
        if self.has_later:
            await self.show(self._turns, lines, width)

    def keep_still(self, view: TurnView, *, below: bool = False) -> None:
        """Keep a turn's position on the screen while something changes its height.

        ``below``: keep what follows the turn instead.
        """
        self._hold(view, below=below)
        self.call_after_refresh(self._release)

    def process_layout(self, placements: list[WidgetPlacement]) -> list[WidgetPlacement]:
        """Scroll with the turn to be kept, before anything is painted."""
        if self._still is not None and isinstance(self.parent, Widget):
            view, below, place = self._still
            for placement in placements:
                if placement.widget is view:
                    y = max(_edge(placement.region, below=below) - place, 0)
                    self.parent.set_reactive(Widget.scroll_y, y)
                    self.parent.set_reactive(Widget.scroll_target_y, y)
                    self.parent.vertical_scrollbar.position = y
        return placements

    def _before(self, index: int, lines: int, width: int) -> int:
        """Return where to begin for some screenfuls that end before a turn."""
        lines *= SCREENFULS
        while index and lines > 0:
            index -= 1
            lines -= _height(self._turns[index], width)
        return index

    def _behind(self, index: int, lines: int, width: int) -> int:
        """Return where to end for some screenfuls that begin with a turn."""
        lines *= SCREENFULS
        while index < len(self._turns) and lines > 0:
            lines -= _height(self._turns[index], width)
            index += 1
        return index

    async def _replace(self, shown: range) -> None:
        await self.remove_children()
        self._shown = range(shown.start, shown.start)
        await self._mount(shown, above=False)

    async def _mount(self, turns: range, *, above: bool) -> None:
        """Add some turns to the page, beside the present ones."""
        views = [self._draw(self._turns[index]) for index in turns]
        first, shown = next(iter(self.views), None), self._shown
        await self.remove_children(More)
        self._shown = range(min(turns.start, shown.start), max(turns.stop, shown.stop))
        await self.mount_all(views, before=first if above else None)
        if self.has_earlier:
            await self.mount(More(self._shown.start, above=True), before=0)
        if self.has_later:
            await self.mount(More(len(self._turns) - self._shown.stop, above=False))

    def _hold(self, view: TurnView, *, below: bool = False) -> None:
        if isinstance(self.parent, Widget):
            place = _edge(view.virtual_region, below=below) - self.parent.scroll_y
            self._still = view, below, place
            self.parent.release_anchor()

    def _release(self) -> None:
        self._still = None


def _edge(region: Region, *, below: bool) -> int:
    return region.bottom if below else region.y


def _height(turn: Turn, width: int) -> int:
    """Return the approximate lines of a turn with its thought folded."""
    lines = turn.text.split("\n")
    return 3 + sum(1 + len(line) // max(width, 1) for line in lines)
