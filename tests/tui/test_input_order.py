"""Commands and text are handled in the order in which they came, however quickly they come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Turn
from localqwq.settings.file import SettingsFile
from localqwq.settings.schema import Settings
from localqwq.tui.app import ChatApp
from localqwq.tui.keyboard.queue import InputQueue, hold
from localqwq.tui.screens.settings import SettingsScreen
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.open_conversation import OpenConversation
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.widgets.notice import Notice
from tests.chatting import Chat, chat, served


def conversations(store: Path) -> list[tuple[str, ...]]:
    """The prompts of each conversation, and what is typed in it, oldest first."""
    with Store(store) as opened:
        ids = sorted(summary.id for summary in opened.newest(100))
        found = []
        for number in ids:
            prompts = [turn.text for turn in opened.get(number).path() if turn.role == "user"]
            found.append((*prompts, *filter(None, [opened.draft(number).text])))
        return found


def answered(path: tuple[Turn, ...]) -> bool:
    """Whether the last turn is a complete answer."""
    return bool(path) and (path[-1].role, path[-1].status) == ("assistant", "done")


async def test_a_new_conversation_gets_what_is_typed_after_it(demo_server: str, home: Path) -> None:
    """Ctrl+N, a prompt and Enter in one go, time and again, while the answer before is coming."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 1 + 1?")
        for number in range(3):
            app.burst("ctrl+n", f"What is {number} + 7?", "enter")
        await app.until(lambda: any("2 + 7" in turn.text for turn in app.turns()))
        await app.until(lambda: answered(app.turns()) and app.is_idle())
    assert conversations(home / "store") == [
        ("What is 1 + 1?",),
        *((f"What is {number} + 7?",) for number in range(3)),
    ]


async def test_the_list_is_searched_for_all_that_is_typed_before_enter(
    demo_server: str, home: Path
) -> None:
    """Ctrl+O, words, Enter, a prompt and Enter in one go: it is asked where the words are."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 20 + 4?")
        app.burst("ctrl+n", "What is 30 + 5?", "enter")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        app.burst("ctrl+o", "20 4", "enter", "What is 1 + 2?", "enter")
        await app.until(lambda: len(app.turns()) == 4 and answered(app.turns()))
    assert conversations(home / "store") == [
        ("What is 20 + 4?", "What is 1 + 2?"),
        ("What is 30 + 5?",),
    ]


async def test_a_command_is_completed_before_tab_takes_it(demo_server: str, home: Path) -> None:
    """`/sett`, Tab and Enter in one go open the settings; what follows is typed there."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        app.burst("/sett", "tab", "enter", "ctrl+f", "temp")
        await app.until(lambda: isinstance(app.app.screen, SettingsScreen))
        # Asked anew each time: a query keeps what it has found, and the screen is made just now.
        await app.until(
            lambda: (
                [one.value for one in app.app.screen.query("#search").results(Input)] == ["temp"]
            )
        )
        assert app.prompt.text == ""


class SlowFile(SettingsFile):
    """A settings' file on a disk that takes its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def read(self) -> Settings:
        """Not before it has arrived."""
        asyncio.run_coroutine_threadsafe(self.arrived.wait(), self._loop).result(60)
        return super().read()


@asynccontextmanager
async def slow_start(url: str, home: Path) -> AsyncIterator[tuple[Chat, SlowFile]]:
    """The app before there is a conversation, and what it waits for."""
    file = SlowFile(home / "settings.toml")
    app = ChatApp(served(url), home / "store", Beginning(), file)
    async with app.run_test() as pilot:
        yield Chat(app, pilot, home / "store"), file
        file.arrived.set()


async def test_commands_wait_for_the_app_to_be_ready(demo_server: str, home: Path) -> None:
    """Before anything is open, Ctrl+N and a prompt go into a new conversation all the same."""
    with Store(home / "store") as store:
        store.create("An old secret")
    async with slow_start(demo_server, home) as (app, file):
        app.burst("ctrl+n", "What is 2 + 2?", "enter")
        await app.pilot.pause(0.3)
        file.arrived.set()
        await app.until(lambda: answered(app.turns()))
    assert conversations(home / "store") == [("An old secret",), ("What is 2 + 2?",)]


async def test_leaving_waits_for_nothing(demo_server: str, home: Path) -> None:
    """Ctrl+Q leaves an app that has not begun yet, behind a command that waits for that."""
    async with slow_start(demo_server, home) as (app, _):
        app.burst("ctrl+n", "text")
        await app.until(lambda: app.app.keyboard.waits > 1)
        assert "what you type is handled after" in str(app.chat.query_one(Notice).content)
        app.burst("ctrl+q")
        await app.until(lambda: not app.app.is_running)


async def test_nothing_is_ever_asked_without_words(demo_server: str, home: Path) -> None:
    """Neither as a prompt nor in the place of one."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 1 + 1?")
        session = app.app.session
        assert session is not None
        assert not await session.send(" \n")
        await session.edit(app.turns()[0].id, " \n")
        app.burst("enter", " ", "enter")
        await app.pilot.pause(0.2)
        assert [turn.text for turn in app.turns() if turn.role == "user"] == ["What is 1 + 1?"]


class Slow(App[None]):
    """A field, and a command that takes its time before it notes what stands in the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+t", "note(0.01)"),
        Binding("ctrl+b", "note(0)", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.keyboard = InputQueue(self, super().on_event, lambda _: False, lambda _: None)
        self.noted: list[str] = []

    def compose(self) -> ComposeResult:
        """The field."""
        yield Input()

    async def on_event(self, event: events.Event) -> None:
        """All keys go through the queue."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            self.keyboard.put(event)
        else:
            await super().on_event(event)

    def on_mount(self) -> None:
        """Delivers from now on."""
        self.keyboard.opened.set()
        self._delivering = asyncio.create_task(self.keyboard.run())

    def on_unmount(self) -> None:
        """Delivers no more."""
        self._delivering.cancel()

    def action_note(self, seconds: float) -> None:
        """Notes the field's text, and empties it."""
        hold(self, self._note(seconds))

    @work
    async def _note(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        field = self.query_one(Input)
        self.noted.append(field.value)
        field.value = ""


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "ctrl+t", "ctrl+b"]), max_size=25))
def test_each_command_sees_what_was_typed_before_it(keys: list[str]) -> None:
    """And nothing of what was typed after it, whichever way its key takes."""

    async def press() -> tuple[list[str], str]:
        app = Slow()
        async with app.run_test() as pilot:
            for key in keys:
                app.post_message(events.Key(key, key if len(key) == 1 else None))
            app.post_message(events.Key("ctrl+b", None))
            while len(app.noted) < 1 + sum(len(key) > 1 for key in keys):
                await pilot.pause(0.01)
            return app.noted, app.query_one(Input).value

    noted, left = asyncio.run(press())
    typed = "".join(key if len(key) == 1 else "|" for key in [*keys, "ctrl+b"])
    assert ("|".join(noted) + "|", left) == (typed, "")


async def test_a_slow_reading_does_not_open_what_was_left(home: Path) -> None:
    """An answer ends, its conversation is read again, and meanwhile another one is opened."""
    records = StoreThread(home / "store")
    thread = OpenConversation(records)
    await thread.ask("One", (), None, "")
    for change in (thread.reread(), thread.go_to(None)):
        await thread.open(1)
        reading = asyncio.create_task(change)
        await asyncio.sleep(0)
        await thread.open(None)
        await reading
        assert thread.conversation is None
    await records.close()
