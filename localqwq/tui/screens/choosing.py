"""The part of the chat's screen that has to do with which model is talked with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import events, on, work

from localqwq.demo import DEMO
from localqwq.errors import LocalqwqError
from localqwq.settings.file import SettingsFile
from localqwq.tui.beat import Beat
from localqwq.tui.commands.table import COMMANDS, keys, shown
from localqwq.tui.first_run import FirstSteps
from localqwq.tui.keyboard.queue import hold
from localqwq.tui.screens.actions import ActingScreen
from localqwq.tui.session import messages
from localqwq.tui.session.downloads import Download, Downloads
from localqwq.tui.session.supply import Supply
from localqwq.tui.widgets.aside import Aside, aside
from localqwq.tui.widgets.transcript.welcome import DEMO_EXAMPLES, Welcome

if TYPE_CHECKING:
    from localqwq.models.stock import Stock
    from localqwq.tui.session.models import Model
    from localqwq.tui.session.session import Session

TICK_SECONDS = 0.25
"""Between two looks at how far a download is."""


class ChoosingScreen(ActingScreen):
    """Opens the list of models, switches between them, and helps with the first one."""

    def __init__(self, file: SettingsFile, supply: Supply | None = None) -> None:
        """`file`: the settings', where choices are kept; without `supply` nothing is chosen."""
        super().__init__()
        self._file = file
        self._supply = supply
        self._downloads = Downloads(self._told)
        self._is_new = False
        self._stock: Stock | None = None
        self._noticed: set[str] = set()
        """Downloads that have come, and were chosen or seen in the list since."""

    @on(events.Mount)
    def _follow(self) -> None:
        self.beats.append(Beat(self, TICK_SECONDS, self._tick))

    @on(events.Unmount)
    async def _pause_downloads(self) -> None:
        """What has come is kept."""
        await self._downloads.close()

    def is_possible(self, command: str) -> bool:
        """Whether a command makes sense now."""
        match command:
            case "models":
                return self._supply is not None
            case "download":
                return self._shown_download is not None or self._steps.spec is not None
            case "try_demo":
                return self._is_new and bool(self.query(Welcome)) and not self.is_answering
        return super().is_possible(command)

    # All models

    async def _do_models(self, session: Session) -> None:
        from localqwq.tui.screens.models import ModelsScreen

        def left(model: Model | None) -> None:
            done = {one.spec for one in self._downloads.all.values() if one.state == "done"}
            self._noticed |= done
            self.wake()
            if model is not None:
                hold(self, self._carry_out(self._switch(session, model)))

        if self._supply is not None:
            used = session.connection.served or ""
            screen = ModelsScreen(self._supply, self._downloads, self._file, used)
            await self.app.push_screen(screen, left)

    async def _switch(self, session: Session, model: Model) -> None:
        self._is_new, self._stock = False, None
        self._introduce()
        await session.switch(model)

    # The first model

    async def hear(self, report: messages.Report) -> None:
        """Shows what the session tells, and looks for a larger model once the demo is there."""
        await super().hear(report)
        if isinstance(report, messages.ModelReady):
            self._look(report)

    def _look(self, event: messages.ModelReady) -> None:
        """Looks for a larger model, once the demo does not need the machine for itself."""
        if event.model == DEMO and self._supply is not None and self._stock is None:
            self._recommend(self._supply)

    @work(exclusive=True, group="recommend")
    async def _recommend(self, supply: Supply) -> None:
        if not await asyncio.to_thread(supply.is_new):
            return
        self._is_new = True
        self._introduce()
        try:
            self._stock = await asyncio.to_thread(supply.planned)
        except LocalqwqError as error:
            self._is_new = False
            self.notify(str(error), severity="warning", markup=False)
        else:
            self._downloads.recall(self._stock.unfinished)
        self._introduce()

    @on(Welcome.Shown)
    def _introduce(self) -> None:
        """Fills the welcome, where that is shown."""
        for welcome in self.query(Welcome):
            welcome.introduce(self._steps if self._is_new else None)

    async def _do_try_demo(self, session: Session) -> None:
        await session.send(DEMO_EXAMPLES[0])

    async def _do_download(self, session: Session) -> None:
        """Pauses a download, lets it go on, or talks with what has come; without one, downloads
        what suits this machine."""
        steps = self._steps
        download = steps.download if self._is_introduced else self._shown_download
        spec = download.spec if download is not None else steps.spec
        if spec is None or self._supply is None:
            return
        if download is not None and download.state == "done":
            self._noticed.add(spec)
            self.wake()
            await self._switch(
                session, self._supply.local(download.models[0].spec if download.models else spec)
            )
        elif download is not None and download.is_active:
            self._downloads.pause(spec)
        else:
            self._downloads.start(spec)

    @property
    def _is_introduced(self) -> bool:
        """Whether the welcome says what to do first."""
        return self._is_new and bool(self.query(Welcome))

    @property
    def _shown_download(self) -> Download | None:
        """The download to tell of below the prompt; the welcome tells of its own."""
        download = self._downloads.foremost
        if download is None or (download.state == "done" and download.spec in self._noticed):
            return None
        if self._is_introduced and download.spec == self._steps.spec:
            return None
        return download

    @property
    def _steps(self) -> FirstSteps:
        own = self.session.settings.keys if self.session else None
        steps = FirstSteps(self._stock, keys=own)
        download = self._downloads.all.get(steps.spec) if steps.spec else None
        return FirstSteps(self._stock, download, own)

    # Downloads

    def _told(self, download: Download) -> None:
        """Says what became of a download, wherever one is."""
        if download.state == "done":
            own = self.session.settings.keys if self.session else {}
            key = shown(keys(COMMANDS["models"], own))
            self.notify(f"{download.spec} is here. {key} chooses it.", markup=False)
            self.post_message(self.Ready(f"{download.spec} is here."))
        elif download.state == "failed":
            self.notify(download.sentence, severity="warning", markup=False)
            self.post_message(self.Ready(download.sentence))
        if self.is_mounted:
            self._introduce()
            self.wake()

    def _tick(self) -> bool:
        """Tells how far everything is that goes on beside the conversation; whether it does."""
        goes_on = bool(self._downloads.active)
        if self._is_new and goes_on:
            self._introduce()
        if self.session is not None:
            by = "models" if self._is_introduced else "download"
            titles = [job.title for job in self.session.answers.elsewhere]
            lines = aside(self._shown_download, titles, self.session.settings.keys, by)
            self.query_one(Aside).show(list(lines))
            goes_on = goes_on or bool(titles)
        return goes_on
