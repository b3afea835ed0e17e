"""The cursor in the transcript: on a prompt, a thought or a block of an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from localqwq.tui.widgets.transcript.turns import Part, TurnView


class Cursor:
    """The cursor's position; it is shown while the transcript has the focus."""

    def __init__(self, views: Callable[[], Sequence[TurnView]]) -> None:
        """Set up; ``views``: the turns on the page, oldest first."""
        self._views = views
        self._view: TurnView | None = None
        self._part = Part("answer")
        self._shown = False

    @property
    def view(self) -> TurnView | None:
        """The turn it is on; None before it was anywhere."""
        return self._view if self._view in self._views() else None

    @property
    def part(self) -> Part:
        """The part of the turn, or the nearest one before if it is gone."""
        view = self.view
        if view is None:
            return self._part
        parts = view.parts()
        return self._part if self._part in parts else parts[-1]

    def put(self, view: TurnView, part: Part) -> None:
        """Move to a part of a turn."""
        before = self.view
        if before is not None and before is not view and before.is_mounted:
            before.select(None)
        self._view, self._part = view, part
        self._draw()

    def show(self, *, shown: bool) -> None:
        """Show or hide it without moving it."""
        self._shown = shown
        self._draw()

    def step(self, step: int) -> bool:
        """Move to the next or previous part; return whether there was one."""
        places = [(view, part) for view in self._views() for part in view.parts()]
        return self._go(places, (self.view, self.part), step)

    def turn(self, step: int) -> bool:
        """Move to the first part of the next or previous turn; return whether there was one."""
        places = [(view, view.parts()[0]) for view in self._views()]
        here = self.view
        return self._go(places, (here, here.parts()[0] if here else self._part), step)

    def _go(
        self,
        places: Sequence[tuple[TurnView, Part]],
        here: tuple[TurnView | None, Part],
        step: int,
    ) -> bool:
        index = next((i for i, place in enumerate(places) if place == here), -1) + step
        if not 0 <= index < len(places):
            return False
        self.put(*places[index])
        return True

    def _draw(self) -> None:
        view = self.view
        if view is not None and view.is_mounted:
            view.select(self.part if self._shown else None)
