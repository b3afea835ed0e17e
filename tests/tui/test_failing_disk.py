"""The disk fails while one talks: one goes on, is told, and all of it is stored in the end."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from localqwq.client.options import chat_options
from localqwq.conversations import unsaved
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Conversation, Turn
from localqwq.settings.schema import Settings
from localqwq.tui.app import ChatApp
from localqwq.tui.session import store_thread as records
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.messages import AnswerGrew, Failed, Report, ThoughtGrew
from localqwq.tui.session.session import Session
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.widgets.notice import Notice
from tests.chatting import Chat, chat, local, served
from tests.conversations.failing import FAILURES, Disk, failing_disk
from tests.watched import PATIENCE, STEP

FOR_EVER = 10**9
PHASES = ("ask", "answer", "stop", "edit", "remove", "undo", "switch", "begin", "draft", "leave")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Where the store is; what it did not take is tried again soon."""
    monkeypatch.setattr(records, "RETRY_SECONDS", 0.05)
    with failing_disk() as disk:
        yield disk


class Talk:
    """A session, and what it says."""

    def __init__(self, url: str, file: Path) -> None:
        self.said: list[Report] = []
        self.trouble = ""
        self.session = Session(
            StoreThread(file, self._told), served(url), self.said.append, Beginning(), Settings()
        )

    def _told(self, sentence: str) -> None:
        self.trouble = sentence

    async def __aenter__(self) -> Self:
        await self.session.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.session.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition."""
        for _ in range(int(PATIENCE / STEP)):
            if condition():
                return
            await asyncio.sleep(STEP)
        raise AssertionError(self.said[-5:])

    async def rest(self) -> None:
        """Waits for the end of the answer."""
        await self.until(lambda: not self.session.is_answering)

    @property
    def words(self) -> str:
        """What came of the answer since the last look at it."""
        pieces = [m.text for m in self.said if isinstance(m, ThoughtGrew | AnswerGrew)]
        self.said[:] = [m for m in self.said if not isinstance(m, ThoughtGrew | AnswerGrew)]
        return "".join(pieces)

    @property
    def last(self) -> Turn:
        """The turn at which the conversation stands."""
        return self.session.path[-1]

    def has_all(self, words: str) -> None:
        """The last turn has these words."""
        assert self.last.thought + self.last.text == words


async def evening(talk: Talk, at: Callable[[str], None]) -> None:
    """Asks, stops, edits, removes, goes elsewhere; `at` is told of each phase."""
    session = talk.session
    at("ask")
    await session.send("What is 12 + 30?")
    at("answer")
    await talk.rest()
    talk.has_all(talk.words)
    await session.send("What is 20 + 21?")
    await talk.until(lambda: any(isinstance(m, ThoughtGrew) for m in talk.said))
    at("stop")
    await session.stop()
    assert not session.is_answering
    talk.has_all(talk.words)
    at("edit")
    prompt = session.path[2]
    await session.edit(prompt.id, "What is 1 + 2?")
    await talk.rest()
    talk.has_all(talk.words)
    at("remove")
    await session.remove(session.path[2].id)
    assert session.path[2].id == prompt.id
    at("undo")
    await session.undo()
    assert session.path[2].text == "What is 1 + 2?"
    at("switch")
    await session.branch(session.path[2].id, -1)
    assert session.path[2].id == prompt.id
    first = session.conversation
    assert first is not None
    await session.new()
    at("begin")
    await session.send("What is 2 + 2?")
    await talk.rest()
    talk.has_all(talk.words)
    await session.show(first.id)
    at("draft")
    session.note_draft("typed and not sent", ())
    at("leave")


def unsaved_in(folder: Path) -> Path:
    """The file with what could not be stored."""
    [left] = folder.glob("localqwq-unsaved-*.json")
    return left


def all_bytes(folder: Path, pattern: str) -> bytes:
    """What is in these files."""
    return b"".join(path.read_bytes() for path in folder.glob(pattern))


def shape(found: Conversation) -> list[tuple[object, ...]]:
    """The tree, as far as it does not hang on what the model said."""
    places = {number: place for place, number in enumerate(sorted(found.turns))}
    turns = [
        (places.get(turn.parent or 0), turn.role, turn.text if turn.role == "user" else "")
        for _, turn in sorted(found.turns.items())
    ]
    return [(found.title, places[found.head or 0]), *turns]


def shapes(file: Path) -> list[list[tuple[object, ...]]]:
    """All conversations of a file, the oldest first; each with its draft."""
    with Store(file) as store:
        numbers = sorted(summary.id for summary in store.newest())
        return [[*shape(store.get(number)), (store.draft(number).text,)] for number in numbers]


@pytest.fixture(scope="module")
def expected(
    demo_server: str, tmp_path_factory: pytest.TempPathFactory
) -> list[list[tuple[object, ...]]]:
    """What is stored where nothing fails."""
    file = tmp_path_factory.mktemp("sound") / "store"

    async def spend() -> None:
        async with Talk(demo_server, file) as talk:
            await evening(talk, lambda _: None)

    asyncio.run(spend())
    found = shapes(file)
    assert [len(one) for one in found] == [8, 4]
    assert found[0][-1] == ("typed and not sent",)
    return found


@pytest.mark.parametrize("phase", PHASES)
async def test_from_any_moment_on_nothing_can_be_written(
    phase: str,
    demo_server: str,
    disk: Disk,
    home: Path,
    expected: list[list[tuple[object, ...]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until one has left: all is in the file elsewhere, and belongs where it would have been."""
    monkeypatch.setenv("HOME", str(home))
    failure, reason = FAILURES[PHASES.index(phase) % len(FAILURES)]
    file = home / "store"

    def at(begun: str) -> None:
        if begun == phase:
            disk.fail(0, FOR_EVER, failure)

    talk = Talk(demo_server, file)
    await talk.session.open()
    await evening(talk, at)
    assert not [m for m in talk.said if isinstance(m, Failed)]
    if phase not in ("draft", "leave"):
        await talk.until(lambda: reason in talk.trouble)
    sentence = await talk.session.close()
    disk.mend()
    left = unsaved_in(home)
    assert str(left) in sentence
    changes = unsaved.read_file(left)
    assert changes is not None
    with Store(file) as store:
        unsaved.add(changes, store)
    assert shapes(file) == expected


@pytest.mark.parametrize("phase", PHASES[:-1])
async def test_a_disk_that_recovers_has_everything(
    phase: str,
    demo_server: str,
    disk: Disk,
    home: Path,
    expected: list[list[tuple[object, ...]]],
) -> None:
    """The next phase but one finds it well again."""
    failure, _ = FAILURES[PHASES.index(phase) % len(FAILURES)]

    def at(begun: str) -> None:
        if begun == phase:
            disk.fail(0, FOR_EVER, failure)
        elif PHASES.index(begun) >= PHASES.index(phase) + 2:
            disk.mend()

    async with Talk(demo_server, home / "store") as talk:
        await evening(talk, at)
        disk.mend()
        await talk.until(lambda: talk.trouble == "")
    assert shapes(home / "store") == expected


@pytest.mark.parametrize("first", range(0, 100, 7))
async def test_single_writes_fail(
    first: int,
    demo_server: str,
    disk: Disk,
    home: Path,
    expected: list[list[tuple[object, ...]]],
) -> None:
    """Each of them is made good before anybody has to wait for it."""
    async with Talk(demo_server, home / "store") as talk:
        await talk.until(lambda: talk.session.connection.ready is not None)
        disk.fail(first, first + 1, FAILURES[first % len(FAILURES)][0])
        await evening(talk, lambda _: None)
        assert not [m for m in talk.said if isinstance(m, Failed)]
    assert shapes(home / "store") == expected


def notice(app: Chat) -> str:
    """What is said above the prompt."""
    shown = app.chat.query_one(Notice)
    return str(shown.content) if shown.display else ""


async def test_one_is_told_and_can_stop_and_go_on(rambler: Path, disk: Disk, home: Path) -> None:
    """In a line that stays until it is over; the thought has no hole, and nothing branches."""
    async with chat(local(rambler, 16_384), home / "store") as app:
        await app.type("Go on")
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 2 and len(app.turns()[1].thought) > 50)
        disk.fail(0, FOR_EVER, sqlite3.SQLITE_FULL)
        await app.until(lambda: "Not stored: the disk is full" in notice(app))
        before = len(app.thoughts()[-1].source)
        await app.until(lambda: len(app.thoughts()[-1].source) > before + 200)
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        assert "Not stored: the disk is full" in notice(app)
        thought = app.thoughts()[-1].source
        assert app.turns()[1].status == "running"
        disk.mend()
        await app.until(lambda: notice(app) == "")
        assert app.turns()[1].status == "stopped"
        assert app.turns()[1].thought == thought
        await app.type("And on")
        await app.pilot.press("enter")
        await app.until(app.is_thinking)
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        assert [turn.role for turn in app.turns()] == ["user", "assistant"] * 2
        assert len(app.conversation().turns) == 4


async def test_leaving_says_where_it_is(
    demo_server: str, disk: Disk, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody could store is in a file, whose path the app is left with."""
    monkeypatch.setenv("HOME", str(home))
    app = ChatApp(served(demo_server), home / "store", Beginning())
    async with app.run_test() as pilot:
        seen = Chat(app, pilot, home / "store")
        await seen.until(seen.is_idle)
        disk.fail(0, FOR_EVER, sqlite3.SQLITE_IOERR)
        await seen.type("What is 12 + 30?")
        await pilot.press("enter")
        await seen.until(lambda: bool(seen.thoughts()) and seen.is_idle())
    [sentence] = app.left
    left = unsaved_in(home)
    assert f"`localqwq import {left}`" in sentence
    assert "What is 12 + 30?" in left.read_text()


async def test_one_can_talk_where_nothing_is_kept(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store cannot even be opened: that is said from the beginning, and all else works."""
    monkeypatch.setenv("HOME", str(home))
    (home / "a file").write_text("where the folder should be")
    app = ChatApp(served(demo_server), home / "a file" / "store", Beginning())
    async with app.run_test() as pilot:
        seen = Chat(app, pilot, home / "store")
        told = "○ Nothing is saved: the data folder cannot be written to."
        await seen.until(lambda: seen.is_idle() and notice(seen) == told)
        session = app.session
        assert session is not None
        await seen.type("What is 12 + 30?")
        await pilot.press("enter")
        await seen.until(lambda: len(session.path) == 2 and seen.is_idle())
        await seen.type("What is 20 + 21?")
        await pilot.press("enter")
        await seen.until(lambda: len(session.path) == 4 and seen.is_idle())
        await pilot.press("ctrl+n")
        await seen.until(lambda: not session.path)
        await pilot.press("ctrl+o")
        await pilot.press("enter")
        await seen.until(lambda: len(session.path) == 4)
    assert len(app.left) == 1
    assert unsaved_in(home).exists()


async def test_a_temporary_conversation_is_not_stored(demo_server: str, home: Path) -> None:
    """What is typed goes along; it is said all the time, and there to come back to."""
    asked = chat_options(Settings(), None, goes_on=False, temporary=True)
    assert asked.more["cache_on_disk"] is False
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 12 + 30?")
        await app.pilot.press("ctrl+n")
        await app.until(lambda: app.app.session is not None and not app.app.session.path)
        await app.type("What is 20 + 21?")
        app.chat.action_command("temporary")
        await app.until(lambda: "nothing in it is stored" in notice(app))
        assert app.prompt.text == "What is 20 + 21?"
        await app.pilot.press("enter")
        session = app.app.session
        assert session is not None
        await app.until(lambda: len(session.path) == 2 and app.is_idle())
        assert "nothing in it is stored" in notice(app)
        await app.type("and this is not sent")
        await app.pilot.press("ctrl+n")
        await app.until(lambda: notice(app) == "" and app.prompt.text == "")
        with Store(home / "store") as store:
            assert [summary.title for summary in store.newest()] == ["What is 12 + 30?"]
            assert store.draft(None).text == ""
        await app.pilot.press("ctrl+o")
        await app.pilot.press("enter")
        await app.until(lambda: app.prompt.text == "and this is not sent")
        assert session.path[0].text == "What is 20 + 21?"
    assert b"20 + 21" not in all_bytes(home, "store*")
