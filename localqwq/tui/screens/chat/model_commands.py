"""The chat's commands about models: choosing one, and downloading a first one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from localqwq.demo import DEMO
from localqwq.errors import LocalqwqError
from localqwq.settings.file import SettingsFile
from localqwq.tui.commands.table import COMMANDS, keys, shown
from localqwq.tui.first_run import FirstSteps
from localqwq.tui.screens.chat.state import ChatState, Ready, carry_out
from localqwq.tui.session import messages
from localqwq.tui.session.downloads import Download, Downloads
from localqwq.tui.session.supply import Supply
from localqwq.tui.widgets.aside import Aside, aside
from localqwq.tui.widgets.transcript.welcome import DEMO_EXAMPLES, Welcome

if TYPE_CHECKING:
    from textual.screen import Screen

    from localqwq.models.stock import Stock
    from localqwq.tui.session.models import Model
    from localqwq.tui.session.session import Session

TICK_SECONDS = 0.25
"""Seconds between two updates of downloads."""


class ModelCommands:
    """Opens the list of models, switches between them, and helps with the first one."""

    def __init__(
        self, screen: Screen[None], state: ChatState, file: SettingsFile, supply: Supply | None
    ) -> None:
        """Set up; ``file``: the settings, where choices are stored; without ``supply`` there is no
        choice.
        """
        self._screen = screen
        self._state = state
        self._file = file
        self._supply = supply
        self._downloads = Downloads(self._told)
        self._is_new = False
        self._stock: Stock | None = None
        self._noticed: set[str] = set()
        """Finished downloads that have been chosen or seen in the list."""

        self.commands: dict[str, Callable[[Session], Awaitable[object]]] = {
            "models": self._models,
            "by_hand": self._by_hand,
            "download": self._download,
            "try_demo": lambda session: session.send(DEMO_EXAMPLES[0]),
        }
        """Actions by command."""

    async def close(self) -> None:
        """Pause downloads, keeping what was downloaded."""
        await self._downloads.close()

    def is_possible(self, command: str) -> bool | None:
        """Return whether a command is possible now; None for other commands."""
        match command:
            case "models":
                return self._supply is not None
            case "by_hand":
                return self._supply is not None and self._supply.has_current()
            case "download":
                return self._shown_download is not None or self._steps.spec is not None
            case "try_demo":
                return self._is_introduced and not self._state.is_answering
        return None

    # All models

    async def _models(self, session: Session) -> None:
        from localqwq.tui.screens.models import ModelsScreen

        def left(model: Model | None) -> None:
            done = {one.spec for one in self._downloads.all.values() if one.state == "done"}
            self._noticed |= done
            self._state.wake()
            if model is not None:
                carry_out(self._screen, self._switch(session, model))

        if self._supply is not None:
            used = session.connection.served or ""
            screen = ModelsScreen(self._supply, self._downloads, self._file, used)
            await self._screen.app.push_screen(screen, left)

    async def _by_hand(self, session: Session) -> None:
        from localqwq.tui.screens.by_hand import ByHandScreen

        def left(model: Model | None) -> None:
            if model is not None:
                carry_out(self._screen, self._switch(session, model))

        if self._supply is not None:
            await self._screen.app.push_screen(ByHandScreen(self._supply, self._file), left)

    async def _switch(self, session: Session, model: Model) -> None:
        self._is_new, self._stock = False, None
        self.introduce()
        await session.switch(model)

    # The first model

    def look(self, event: messages.ModelReady) -> None:
        """Look for a larger model, once the demo does not need the machine for itself."""
        if event.model == DEMO and self._supply is not None and self._stock is None:
            recommending = self._recommend(self._supply)
            self._screen.run_worker(recommending, exclusive=True, group="recommend")

    async def _recommend(self, supply: Supply) -> None:
        if not await asyncio.to_thread(supply.is_new):
            return
        self._is_new = True
        self.introduce()
        try:
            self._stock = await asyncio.to_thread(supply.planned)
        except LocalqwqError as error:
            self._is_new = False
            self._screen.notify(str(error), severity="warning", markup=False)
        else:
            self._downloads.recall(self._stock.unfinished)
        self.introduce()

    def introduce(self) -> None:
        """Fill the welcome, if it is shown."""
        for welcome in self._screen.query(Welcome):
            welcome.introduce(self._steps if self._is_new else None)

    async def _download(self, session: Session) -> None:
        """Pause or resume a download, or switch to a finished one; without one, download what suits
        this machine.
        """
        steps = self._steps
        download = steps.download if self._is_introduced else self._shown_download
        spec = download.spec if download is not None else steps.spec
        if spec is None or self._supply is None:
            return
        if download is not None and download.state == "done":
            self._noticed.add(spec)
            self._state.wake()
            await self._switch(
                session, self._supply.local(download.models[0].spec if download.models else spec)
            )
        elif download is not None and download.is_active:
            self._downloads.pause(spec)
        else:
            self._downloads.start(spec)

    @property
    def _is_introduced(self) -> bool:
        """Return whether the welcome shows the first steps."""
        return self._is_new and bool(self._screen.query(Welcome))

    @property
    def _shown_download(self) -> Download | None:
        """Return the download to show below the prompt; the welcome shows its own."""
        download = self._downloads.foremost
        if download is None or (download.state == "done" and download.spec in self._noticed):
            return None
        if self._is_introduced and download.spec == self._steps.spec:
            return None
        return download

    @property
    def _steps(self) -> FirstSteps:
        own = self._state.own_keys
        steps = FirstSteps(self._stock, keys=own)
        download = self._downloads.all.get(steps.spec) if steps.spec else None
        return FirstSteps(self._stock, download, own)

    # Downloads

    def _told(self, download: Download) -> None:
        """Announce a download's result on any screen."""
        if download.state == "done":
            key = shown(keys(COMMANDS["models"], self._state.own_keys))
            self._screen.notify(
                f"{download.spec} is downloaded. {key} switches to it.", markup=False
            )
            self._screen.post_message(Ready(f"{download.spec} is downloaded."))
        elif download.state == "failed":
            self._screen.notify(download.sentence, severity="warning", markup=False)
            self._screen.post_message(Ready(download.sentence))
        if self._screen.is_mounted:
            self.introduce()
            self._state.wake()

    def tick(self) -> bool:
        """Show the progress of everything beside the conversation; return whether there is any."""
        goes_on = bool(self._downloads.active)
        if self._is_new and goes_on:
            self.introduce()
        if (session := self._state.session) is not None:
            by = "models" if self._is_introduced else "download"
            elsewhere = session.answers.elsewhere
            asking = [job.title for job in elsewhere if job.asks]
            titles = [job.title for job in elsewhere if not job.asks]
            lines = aside(self._shown_download, titles, asking, session.settings.keys, by)
            self._screen.query_one(Aside).show(list(lines))
            goes_on = goes_on or bool(elsewhere)
        return goes_on
