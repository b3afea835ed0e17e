"""Loading a model by hand: each value, and what the plan makes of it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widgets import Static

from localqwq.errors import LocalqwqError
from localqwq.models.by_hand import ByHand, Outcome
from localqwq.models.launch_settings import keep
from localqwq.settings.file import SettingsFile
from localqwq.settings.values import WrongValue
from localqwq.tui.keyboard.queue import hold
from localqwq.tui.session.launch_values import (
    fields,
    ladder,
    options,
    planned,
    stepped,
    texts,
    values,
)
from localqwq.tui.session.models import Model
from localqwq.tui.session.supply import Supply
from localqwq.tui.widgets.keys import KeyLine
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.widgets.plan.outcome import OutcomeView
from localqwq.tui.widgets.plan.row import ValueRow
from localqwq.tui.work import work

Result = TypeVar("Result")

LOOKING = "Looking at this machine …"


class ByHandScreen(ModalScreen[Model | None]):
    """A popup; its result is the model to load with these values, None for no change."""

    CSS_PATH = "by_hand.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Load", key_display="⏎", priority=True),
        Binding("ctrl+x k", "keep", "Keep", key_display="^x k", priority=True),
        Binding("ctrl+x r", "reset", "Reset", key_display="^x r", priority=True),
        Binding("escape", "leave", "Close", key_display="esc"),
    ]
    COMMAND: ClassVar[str] = "by_hand"

    def __init__(self, supply: Supply, file: SettingsFile, spec: str | None = None) -> None:
        """Set up; ``spec``: an installed model, None for the current one."""
        super().__init__()
        self._supply = supply
        self._file = file
        self._spec = spec
        self._model: ByHand | None = None
        self._outcome: Outcome | None = None
        self._edits = 0
        """How often a value was changed; a plan for fewer edits is out of date."""
        self._planned = -1
        self._is_planning = False

    def compose(self) -> ComposeResult:
        """Give the values the left side, and what comes of them the right one."""
        with Vertical(id="by-hand") as popup:
            popup.border_title = "By hand"
            with Horizontal():
                with VerticalScroll(id="values", can_focus=False):
                    yield Static(id="help", markup=False)
                yield OutcomeView()
            yield Static(LOOKING, id="note", markup=False)
            yield Notice()
        yield KeyLine()

    def on_mount(self) -> None:
        """Look at the machine; keys wait for it."""
        hold(self, self._open())

    @work(exclusive=True, group="open")
    async def _open(self) -> None:
        model = await self._done(lambda: self._supply.by_hand(self._spec), "Not possible: ")
        if model is None:
            return
        self._model = model
        self.query_one("#by-hand", Vertical).border_title = f"By hand: {model.resolved.spec}"
        written = texts(model.chosen)
        rows = [ValueRow(field, written[field.key]) for field in fields()]
        await self.query_one("#values").mount_all(rows, before=0)
        self.set_focus(rows[0].editor)
        self._note("")
        self._edited()

    # Changes

    @on(ValueRow.StepWanted)
    def _step(self, event: ValueRow.StepWanted) -> None:
        if self._model is None:
            return
        row = event.row
        steps = ladder(row.setting.key, self._model, self._written["devices"])
        row.put(stepped(steps, row.text, row.usual, event.step))

    @on(ValueRow.Edited)
    def _edited(self) -> None:
        self._edits += 1
        self._note("")
        self._plan()

    def action_reset(self) -> None:
        """Leave everything to the plan."""
        for row in self.query(ValueRow):
            row.put("")
        self._note("Everything is chosen automatically again.")

    # The plan

    def _plan(self) -> None:
        """Plan for the values, unless that goes on already: it sees later ones, too."""
        if not self._is_planning:
            self._is_planning = True
            self._follow()

    @work(group="follow")
    async def _follow(self) -> None:
        while self._model is not None and self._planned != self._edits:
            edits, model, written = self._edits, self._model, self._written
            try:
                wanted = options(written)
                found = await asyncio.to_thread(model.outcome, wanted)
            except LocalqwqError as error:
                self._outcome = None
                self.query_one(OutcomeView).refuse(str(error))
            else:
                self._outcome = found
                self.query_one(OutcomeView).show(found)
                usual = planned(found)
                for row in self.query(ValueRow):
                    row.show_usual(usual.get(row.setting.key, ""))
            self._planned = edits
        self._is_planning = False

    # Ends

    def action_apply(self) -> None:
        """Load the model with these values."""
        hold(self, self._apply())

    @work(exclusive=True, group="end")
    async def _apply(self) -> None:
        model = self._model
        if model is not None and await self._is_possible("Not loaded: "):
            self.dismiss(self._supply.loaded_as(model, options(self._written)))

    def action_keep(self) -> None:
        """Write the values to the settings of this model."""
        hold(self, self._keep())

    @work(exclusive=True, group="end")
    async def _keep(self) -> None:
        model = self._model
        if model is None or not await self._is_possible("Not kept: "):
            return
        wanted = values(self._written)
        name, spec = model.resolved.name, model.resolved.spec
        table = await self._done(lambda: keep(self._file, name, spec, wanted), "Not kept: ")
        if table is not None:
            self._note(f"Kept in the settings as {table}; {spec} is loaded like this from now on.")

    async def _is_possible(self, otherwise: str) -> bool:
        """Return whether the values can be loaded; if not, say why after ``otherwise``."""
        model = self._model
        if model is None:
            return False
        try:
            wanted = options(self._written)
        except WrongValue as wrong:
            self._note(f"{otherwise}{wrong}")
            return False
        found = await self._done(lambda: model.outcome(wanted), otherwise)
        if found is not None and not found.plan.fits:
            self._note(f"{otherwise}{found.plan.why}")
        return found is not None and found.plan.fits

    def action_leave(self) -> AwaitComplete:
        """Close without any change."""
        return self.dismiss(None)

    # Internals

    @on(DescendantFocus)
    def _explain(self, event: DescendantFocus) -> None:
        rows = [row for row in self.query(ValueRow) if row.editor is event.widget]
        if rows:
            self.query_one("#help", Static).update(rows[0].setting.help)

    @property
    def _written(self) -> dict[str, str]:
        return {row.setting.key: row.text for row in self.query(ValueRow)}

    async def _done(self, work: Callable[[], Result], otherwise: str) -> Result | None:
        """Return the result of ``work``, run in a thread; None, with its reason, if it fails."""
        try:
            return await asyncio.to_thread(work)
        except LocalqwqError as error:
            self._note(f"{otherwise}{error}")
            return None

    def _note(self, text: str) -> None:
        note = self.query_one("#note", Static)
        note.update(Content(text))
        note.display = bool(text)
