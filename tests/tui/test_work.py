"""Background work of a screen that is closed while the work runs."""

from __future__ import annotations

import asyncio

import pytest
from textual.app import App, ComposeResult
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import Label
from textual.worker import Worker, WorkerFailed, WorkerState

from localqwq.tui.work import work

pytestmark = pytest.mark.anyio


class Part(Label):
    """A widget that lets its screen's work go on at the moment at which it is gone."""

    def on_unmount(self) -> None:
        """The screen itself is still there."""
        screen = self.screen
        assert isinstance(screen, Page)
        screen.goes_on.set()


class Page(ModalScreen[None]):
    """A screen with one part, and work that asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = asyncio.Event()

    def compose(self) -> ComposeResult:
        """One part."""
        yield Part("here")

    @work()
    async def asks(self) -> Part:
        """The part, once it may look for it."""
        await self.goes_on.wait()
        return self.query_one(Part)


@pytest.mark.parametrize("leaves_app", [True, False])
async def test_work_of_a_closed_screen_ends_without_a_word(leaves_app: bool) -> None:
    """Closing a screen, or the app, is no fault of what its work was looking for."""
    app: App[None] = App()
    async with app.run_test() as pilot:
        page = Page()
        await app.push_screen(page)
        worker = page.asks()
        if not leaves_app:
            await page.dismiss()
            await pilot.pause()
    assert worker.state is WorkerState.CANCELLED
    assert page.goes_on.is_set()


async def test_work_of_an_open_screen_still_fails() -> None:
    """A widget that is missing on a screen that is shown is a defect, and is told."""
    worker: Worker[Part] | None = None
    with pytest.raises(WorkerFailed) as failed:
        app: App[None] = App()
        async with app.run_test():
            page = Page()
            await app.push_screen(page)
            await page.query_one(Part).remove()
            worker = page.asks()
            with pytest.raises(WorkerFailed):
                await worker.wait()
    assert isinstance(failed.value.error, NoMatches)
