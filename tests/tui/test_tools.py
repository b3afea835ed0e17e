"""Tools in the app, with a real engine: chosen, called, allowed, stored and shown."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Static

from localqwq.agent.limits import FORCED
from localqwq.agent.stop import Stop
from localqwq.agent.tool import Arguments, Effect
from localqwq.agent.tools import calculator
from localqwq.conversations.rounds import StoredCall
from localqwq.locations import data_directory, settings_file
from localqwq.tui.screens.chat.sending import WAITS
from localqwq.tui.screens.conversation_list import ConversationList
from localqwq.tui.widgets.aside import Aside
from localqwq.tui.widgets.context_bar import ContextBar
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.widgets.permission import PermissionLine
from tests.chatting import Chat, chat, served
from tests.other_servers import Asked, Reply, listing, serving, streaming

QUESTION = "What is 47 times 86?"
ARGUMENTS = '{"expression": "47 * 86"}'


@pytest.fixture(autouse=True)
def steady(home: Path) -> None:
    """The model may calculate, and always chooses the most probable token."""
    set_up('[agent]\ntools = ["calculator"]')


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The calculator needs permission, as if it changed something."""
    monkeypatch.setattr(calculator, "TOOL", replace(calculator.TOOL, effect=Effect.CHANGE))
    yield


def set_up(more: str) -> None:
    """Write the settings."""
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text(f"[sampling]\ntemperature = 0.0\n{more}\n")


def calls(app: Chat) -> list[StoredCall]:
    """The calls of the last answer."""
    return [call for one in app.turns()[-1].rounds for call in one.calls]


def line(app: Chat) -> PermissionLine:
    """Where a person is asked."""
    return app.chat.query_one(PermissionLine)


def aside(app: Chat) -> str:
    """What is said below the prompt of other conversations."""
    return str(app.chat.query_one(Aside).content)


def listed(app: Chat) -> list[str]:
    """The lines of the list of conversations."""
    found = app.app.screen.query(ConversationList)
    return [str(option.prompt) for option in found.first().options] if found else []


def keys_of(app: Chat) -> str:
    """The keys that answer the question, as they are shown."""
    return str(line(app).query_one("#keys", Static).content)


async def until_asked(app: Chat) -> None:
    """Ask, and wait for the question about the call."""
    await app.until(app.is_idle)
    await app.type(QUESTION)
    await app.pilot.press("enter")
    await app.until(lambda: line(app).is_ready)


async def test_call_result_answer(demo_server: str, home: Path) -> None:
    """Chosen by a command, called without a question, stored with its result, and shown."""
    set_up("")
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.type("/tools calculator")
        await app.pilot.press("enter")
        session = app.app.session
        await app.until(lambda: session is not None and session.tools.names == ("calculator",))
        await app.ask(QUESTION)
        answer = app.turns()[-1]
        assert (answer.status, answer.text.strip()) == ("done", "47 * 86 = 4042.")
        [call] = calls(app)
        assert (call.name, call.arguments, call.result) == ("calculator", ARGUMENTS, "4042")
        await app.until(lambda: "calculator · 47 * 86 → 4042" in app.text())
        assert ", 1 call" in app.text()
        assert app.conversation().settings == {"agent.tools": ["calculator"]}
        bar = app.chat.query_one(ContextBar)
        await app.until(lambda: bar.fill.results > 10)
        assert bar.fill.tools > bar.fill.results
        assert bar.fill.used < answer.measures.context_tokens
        assert "I call the calculator" not in app.text()
        await app.pilot.press("f6", "enter")
        await app.until(lambda: "I call the calculator" in app.text())
        await app.pilot.press("down", "enter")
        await app.until(lambda: "expression: 47 * 86 ┆ ← 4042" in app.text())


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize(("key", "asks_again"), [("y", True), ("c", False), ("a", False)])
async def test_allowed(demo_server: str, home: Path, key: str, asks_again: bool) -> None:
    """Once, in the conversation, or always: which is in a file."""
    async with chat(served(demo_server), home / "store") as app:
        await until_asked(app)
        assert calls(app)[0].status == "waiting"
        await app.pilot.press(key)
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        assert (calls(app)[0].result, app.turns()[-1].text.strip()) == ("4042", "47 * 86 = 4042.")
        assert not line(app).is_ready
        assert (data_directory() / "grants.json").exists() is (key == "a")
        await app.type(QUESTION)
        await app.pilot.press("enter")
        if asks_again:
            await app.until(lambda: line(app).is_ready)
            await app.pilot.press("escape")
        await app.until(lambda: len(app.turns()) == 4 and app.is_idle())
        assert calls(app)[0].status == ("not run" if asks_again else "done")


@pytest.mark.usefixtures("asking")
async def test_denied_with_a_reason(demo_server: str, home: Path) -> None:
    """The model reads it and answers; nothing was calculated."""
    async with chat(served(demo_server), home / "store") as app:
        await until_asked(app)
        await app.pilot.press("n")
        await app.type("not today")
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        [call] = calls(app)
        assert call.status == "denied"
        assert call.read.endswith("not today")
        answer = app.turns()[-1]
        assert answer.status == "done"
        assert answer.text
        assert "4042" not in answer.text
        await app.until(lambda: "→ denied" in app.text())
        assert app.app.focused is app.prompt


@pytest.mark.usefixtures("asking")
async def test_keys_meant_for_something_else(demo_server: str, home: Path) -> None:
    """Those typed before the question was seen, and those of a prompt that is being written."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        typed_before = events.Key("y", "y")
        await until_asked(app)
        app.app.post_message(typed_before)
        await app.until(lambda: app.prompt.text == "y")
        await app.until(lambda: keys_of(app).startswith("? tab, then y once"))
        await app.pilot.press("a")
        await app.until(lambda: app.prompt.text == "ya")
        assert calls(app)[0].status == "waiting"
        await app.pilot.press("enter")
        await app.until(lambda: WAITS in str(app.chat.query_one(Notice).content))
        assert app.prompt.text == "ya"
        await app.pilot.press("tab")
        await app.until(lambda: keys_of(app).startswith("? y once"))
        await app.pilot.press("y")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        assert app.prompt.text == "ya"
        assert calls(app)[0].result == "4042"


@pytest.mark.usefixtures("asking")
async def test_keys_of_the_transcript(demo_server: str, home: Path) -> None:
    """With the focus there they act on a turn, so those of the question are not offered."""
    async with chat(served(demo_server), home / "store") as app:
        await until_asked(app)
        assert keys_of(app).startswith("? y once")
        await app.pilot.press("f6")
        await app.until(lambda: keys_of(app).startswith("? tab, then y once"))
        await app.pilot.press("y")
        assert calls(app)[0].status == "waiting"
        await app.pilot.press("tab")
        await app.until(lambda: keys_of(app).startswith("? y once"))
        await app.pilot.press("y")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        assert calls(app)[0].result == "4042"


@pytest.mark.usefixtures("asking")
async def test_a_question_waits_in_its_conversation(demo_server: str, home: Path) -> None:
    """Somebody who has opened another one is told, and finds it on coming back."""
    async with chat(served(demo_server), home / "store") as app:
        await until_asked(app)
        asked = app.conversation().id
        session = app.app.session
        assert session is not None
        await app.pilot.press("ctrl+n")
        await app.until(lambda: not line(app).display)
        await app.until(lambda: "? waiting for your permission: “What is 47" in aside(app))
        await app.pilot.press("y")
        await app.until(lambda: app.prompt.text == "y")
        await app.pilot.press("ctrl+o")
        await app.until(lambda: any("asks you" in line for line in listed(app)))
        await app.pilot.press("escape")
        await session.show(asked)
        await app.until(lambda: line(app).is_ready)
        await app.pilot.press("y")
        await app.until(app.is_idle)
        assert calls(app)[0].result == "4042"


async def test_escape_ends_a_running_call(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn is stopped with it, and the tool is told."""
    stopped = []

    def wait(_: Arguments, stop: Stop) -> str:
        stopped.append(stop.wait(60.0))
        return "late"

    monkeypatch.setattr(calculator, "TOOL", replace(calculator.TOOL, run=wait))
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.type(QUESTION)
        await app.pilot.press("enter")
        await app.until(lambda: "Calling calculator" in app.text())
        await app.pilot.press("escape")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        assert app.turns()[-1].status == "stopped"
        assert calls(app)[0].status == "interrupted"
        await app.until(lambda: stopped == [True])
        await app.until(lambda: "calculator · 47 * 86 → interrupted" in app.text())


async def test_what_it_waits_for_is_said(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First for permission; once that is given, for the tool, which runs."""

    def wait(_: Arguments, stop: Stop) -> str:
        stop.wait(60.0)
        return "late"

    monkeypatch.setattr(
        calculator, "TOOL", replace(calculator.TOOL, run=wait, effect=Effect.CHANGE)
    )
    async with chat(served(demo_server), home / "store") as app:
        await until_asked(app)
        await app.until(lambda: "Waiting for your permission" in app.text())
        await app.pilot.press("y")
        await app.until(lambda: "Calling calculator" in app.text())
        assert "Waiting for your permission" not in app.text()
        await app.pilot.press("escape")
        await app.until(app.is_idle)


async def test_branches(demo_server: str, home: Path) -> None:
    """Asked again, and back: each branch has its own calls."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.ask(QUESTION)
        await app.pilot.press("ctrl+r")
        await app.until(lambda: len(app.conversation().turns) == 3 and app.is_idle())
        await app.pilot.press("alt+left")
        await app.until(lambda: "‹ 1/2 ›" in app.text())
        assert "calculator · 47 * 86 → 4042" in app.text()
        await app.ask("What is 12 + 30?")
        assert [len(turn.rounds) for turn in app.turns()] == [0, 1, 0, 0]


async def test_a_limit_ends_in_an_answer(demo_server: str, home: Path) -> None:
    """And the person is told."""
    set_up('[agent]\ntools = ["calculator"]\nmax_rounds = 1')
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.ask(QUESTION)
        answer = app.turns()[-1]
        assert (answer.status, answer.note) == ("done", FORCED["rounds"])
        assert answer.text


@pytest.mark.parametrize(
    ("name", "way"), [("shell", "/tools shell offers it"), ("other", "/tools shows what can be")]
)
async def test_a_call_where_no_tool_is_offered(home: Path, name: str, way: str) -> None:
    """Some servers call one all the same: that is said, and how to offer it."""
    set_up("")

    def reply(asked: Asked) -> Reply:
        if asked.line.startswith("GET"):
            return listing("m")
        call = {"index": 0, "id": "x", "function": {"name": name, "arguments": "{}"}}
        return streaming({"tool_calls": [call]}, end="tool_calls")

    async with serving(reply) as server, chat(served(server.url), home / "store") as app:
        await app.until(app.is_idle)
        await app.ask(QUESTION)
        note = app.turns()[-1].note
        assert note == f"The model called {name}, which is not offered here; {way}."
