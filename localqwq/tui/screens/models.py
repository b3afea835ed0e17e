"""All models: installed and available, how they would run, and downloading, using, removing
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from localqwq.errors import LocalqwqError
from localqwq.models.offers import Offered
from localqwq.models.stock import Stock
from localqwq.packs.store.other_programs import ForeignModel
from localqwq.settings.file import SettingsFile
from localqwq.settings.schema import Settings
from localqwq.settings.sections import EndpointSettings
from localqwq.sizes import readable_size
from localqwq.tui.beat import Beat
from localqwq.tui.keyboard.queue import hold
from localqwq.tui.screens.by_hand import ByHandScreen
from localqwq.tui.screens.models_actions import (
    MAIN,
    default_of,
    is_removable,
    main_action,
    question,
)
from localqwq.tui.session.downloads import Downloads, State
from localqwq.tui.session.models import Model
from localqwq.tui.session.supply import Supply, described
from localqwq.tui.widgets.keys import KeyLine
from localqwq.tui.widgets.models.details import Details
from localqwq.tui.widgets.models.list import ModelList
from localqwq.tui.widgets.models.rows import Row, View, every, sections
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.work import work

Result = TypeVar("Result")

TICK_SECONDS = 0.25
"""Seconds between two updates of downloads."""


class ModelsScreen(ModalScreen[Model | None]):
    """A popup; its result is the model to switch to, None to keep the current one."""

    CSS_PATH = "models.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "use", "Use", key_display="⏎", priority=True),
        Binding("enter", "download", "Download", key_display="⏎", priority=True),
        Binding("enter", "pause", "Pause", key_display="⏎", priority=True),
        Binding("enter", "resume", "Resume", key_display="⏎", priority=True),
        Binding("enter", "adopt", "Add", key_display="⏎", priority=True),
        Binding("right", "step(1)", "Quantization", key_display="← →", priority=True),
        Binding("left", "step(-1)", show=False, priority=True),
        Binding("d", "begin_with", "Make default"),
        Binding("b", "by_hand", "By hand"),
        Binding("delete,ctrl+x backspace", "remove", "Remove", key_display="del"),
        Binding("escape", "leave", "Close", key_display="esc"),
    ]
    COMMAND: ClassVar[str] = "models"

    def __init__(
        self, supply: Supply, downloads: Downloads, file: SettingsFile, used: str = ""
    ) -> None:
        """Set up; ``used``: the current model's name in requests."""
        super().__init__()
        self._supply = supply
        self._downloads = downloads
        self._file = file
        self._used = used
        self._stock = Stock()
        self._settings: Settings | None = None
        self._quants: dict[str, str] = {}
        self._offers: object = None
        self._states: dict[str, State] = {}
        self.beat: Beat | None = None
        """The timer that draws downloads."""

    def compose(self) -> ComposeResult:
        """Show the list, the details, and a line for messages."""
        with Vertical(id="models") as models:
            models.border_title = "Models"
            yield ModelList()
            yield Details()
            yield Static(id="note")
            yield Notice()
        yield KeyLine()

    def on_mount(self) -> None:
        """Show at once what is known."""
        self.set_focus(self.query_one(ModelList))
        self._look()
        self.beat = Beat(self, TICK_SECONDS, self._tick)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action makes sense for the row under the cursor."""
        row = self._row if self.is_mounted else None
        if action in MAIN:
            return row is not None and action == main_action(row)
        if action in ("step", "choose"):
            return row is not None and isinstance(row.thing, Offered)
        if action == "begin_with":
            return row is not None and default_of(row) is not None
        if action == "by_hand":
            return row is not None and row.installed is not None
        if action == "remove":
            return row is not None and is_removable(row)
        return True

    def dismiss(self, result: Model | None = None) -> AwaitComplete:
        """Close the popup, without waiting for running lookups."""
        for group in ("look", "plan"):
            self.workers.cancel_group(self, group)
        return super().dismiss(result)

    # Display

    def _look(self) -> None:
        """Show the models, and then how they would run."""
        hold(self, self._list())

    @work(exclusive=True, group="look")
    async def _list(self) -> None:
        if self._settings is None:
            self._settings = await asyncio.to_thread(self._file.read)
        stock = await self._do(self._supply.stock)
        if stock is None:
            return
        self._take(stock)
        if stock.machine is None:
            self._note("Looking at this machine …")
        self._plan()

    @work(exclusive=True, group="plan")
    async def _plan(self) -> None:
        stock = await self._do(self._supply.planned)
        if stock is not None:
            self._take(stock)
            if stock.problems:
                self._note("Cannot be used: ", stock.problems[0])
            elif stock.machine is not None:
                self._note("")

    def _take(self, stock: Stock) -> None:
        self._stock = stock
        if stock.machine is not None:
            self.query_one("#models").border_subtitle = Content(described(stock.machine)).markup
        self._downloads.recall(stock.unfinished)
        self._show()

    def _tick(self) -> bool:
        """Draw downloads; finished ones move to the installed models.

        Returns whether any is running.
        """
        if not self.is_current:  # it is being closed, or covered by a question
            return True
        goes_on = bool(self._downloads.active)
        states = {spec: download.state for spec, download in self._downloads.all.items()}
        changed, self._states = states != self._states, states
        if changed and "done" in states.values():
            self._look()
        elif changed or goes_on:
            self._show()
        return goes_on

    def _show(self, key: str | None = None) -> None:
        if self.beat is not None:
            self.beat.wake()
        settings = self._settings
        view = View(
            used=self._used,
            default=(settings.endpoint or settings.model) if settings else None,
            names_model=bool(settings and settings.model and not settings.endpoint),
            quants=self._quants,
            downloads=self._downloads.all,
        )
        found = sections(self._stock, view)
        if key is None and self._row is None:
            key = next((row.key for row in every(found) if row.used), None)
        self.query_one(ModelList).show(found, key)
        self._walked()

    @on(OptionList.OptionHighlighted)
    def _walked(self) -> None:
        row = self._row
        self.query_one(Details).show(row, self._stock)
        offers = None
        if row is not None:
            is_here = row.installed is not None
            offers = (main_action(row), default_of(row), is_removable(row), is_here)
        if offers != self._offers:  # recreating the line of keys makes it blink
            self._offers = offers
            self.refresh_bindings()

    # The actions of Enter

    @on(OptionList.OptionSelected)
    async def _selected(self) -> None:
        if (row := self._row) is not None and (action := main_action(row)):
            await self.run_action(action)

    def action_use(self) -> None:
        """Switch to this model."""
        hold(self, self._use())

    @work(exclusive=True, group="use")
    async def _use(self) -> None:
        row = self._row
        if row is None:
            return
        if isinstance(row.thing, EndpointSettings):
            name = row.thing.name
            model = await self._do(lambda: self._supply.remote(name))
            if model is not None:
                self.dismiss(model)
        elif row.installed is not None:
            plan = row.installed.plan
            if row.installed.spec == self._used:
                self.dismiss(None)
            elif plan is not None and not plan.fits:
                self._note("Not used: ", plan.why)
            else:
                self.dismiss(self._supply.local(row.installed.spec))

    def action_download(self) -> None:
        """Start downloading the chosen quantization."""
        row = self._row
        if row is None:
            return
        if row.size and row.size > self._stock.room:
            self._note(
                "Not started: ",
                f"{row.name} takes {readable_size(row.size)} and {readable_size(self._stock.room)} "
                f"are free on the disk of {self._stock.place}.",
            )
            return
        self._downloads.start(row.name)
        self._note("Downloading: ", row.name, ". It continues when you leave this page.")
        self._show()

    def action_resume(self) -> None:
        """Resume a download."""
        if (row := self._row) is not None:
            if isinstance(row.thing, ForeignModel):
                self._downloads.adopt(row.thing)
            else:
                self._downloads.start(row.name)
            self._show()

    def action_pause(self) -> None:
        """Pause a download."""
        if (row := self._row) is not None:
            self._downloads.pause(row.name)
            self._note("Paused: ", row.name, ". What was downloaded is kept.")
            self._show()

    def action_adopt(self) -> None:
        """Add another program's model in place."""
        if (row := self._row) is not None and isinstance(row.thing, ForeignModel):
            self._downloads.adopt(row.thing)
            self._show()

    # Other actions

    def action_step(self, step: int) -> None:
        """Move to the next smaller or larger quantization."""
        row = self._row
        if row is not None and isinstance(row.thing, Offered) and row.offer is not None:
            offers = row.thing.offers
            place = offers.index(row.offer) + step
            if 0 <= place < len(offers):
                self.action_choose(offers[place].quant)

    def action_choose(self, quant: str) -> None:
        """Choose this quantization."""
        row = self._row
        if row is not None and isinstance(row.thing, Offered):
            self._quants[row.thing.entry.name] = quant
            self._show()

    def action_begin_with(self) -> None:
        """Make this model the default, or no longer."""
        hold(self, self._begin_with())

    @work(exclusive=True, group="keep")
    async def _begin_with(self) -> None:
        row = self._row
        values = default_of(row) if row else None
        if row is None or values is None:
            return
        if row.default:
            values = {"model": None, "endpoint": None}
        settings = await self._do(lambda: self._file.change_all(values))
        if settings is not None:
            self._settings = settings
            if row.default:
                self._note("The app starts with the best model that fits, as before.")
            else:
                self._note("The app starts with ", row.name)
            self._show()

    async def action_by_hand(self) -> None:
        """Choose how this model is loaded."""
        if (row := self._row) is None or row.installed is None:
            return
        spec = row.installed.spec
        chosen = None if spec == self._used else spec

        def left(model: Model | None) -> None:
            if model is not None:
                self.dismiss(model)

        await self.app.push_screen(ByHandScreen(self._supply, self._file, chosen), left)

    async def action_remove(self) -> None:
        """Remove a model, or what was downloaded of one, after a question."""
        row = self._row
        if row is None:
            return
        installed = row.installed
        if installed is not None and installed.spec == self._used:
            self._note("Not removed: ", f"{installed.spec} is in use; choose another model first.")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                hold(self, self._remove(row))

        await self.app.push_screen(question(row), answered)

    @work(exclusive=True, group="remove")
    async def _remove(self, row: Row) -> None:
        installed = row.installed
        if installed is not None:
            spec = installed.spec
            done = await self._do(lambda: _done(self._supply.remove, spec))
            if done and row.default and self._settings is not None:
                self._settings = await self._do(lambda: self._file.change("model", None))
        else:
            spec = row.name
            done = await self._do(lambda: _done(self._supply.discard, spec))
        if done:
            self._downloads.forget(spec)
            self._note("Removed: ", spec)
            self._look()

    def action_leave(self) -> AwaitComplete:
        """Go back; downloads continue."""
        return self.dismiss(None)

    # Internals

    @property
    def _row(self) -> Row | None:
        return self.query_one(ModelList).row

    async def _do(self, work: Callable[[], Result]) -> Result | None:
        """Return the result of ``work``, run in a thread; None, with a message, if it fails."""
        try:
            return await asyncio.to_thread(work)
        except LocalqwqError as error:
            self._note("Not done: ", str(error))
            return None

    def _note(self, done: str, what: str = "", more: str = "") -> None:
        text = Content.assemble(done, (what, "bold"), more)
        note = self.query_one("#note", Static)
        note.update(text)
        note.display = bool(text)


def _done(change: Callable[[str], None], spec: str) -> bool:
    change(spec)
    return True
