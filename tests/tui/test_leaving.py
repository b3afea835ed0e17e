"""The ways out that people know from elsewhere; none of them loses anything."""

import asyncio
from pathlib import Path

import pytest
from textual import events

from localqwq.tui.screens.help import HelpScreen, Lines
from localqwq.tui.screens.settings import SettingsScreen
from localqwq.tui.session.messages import Opened
from localqwq.tui.widgets.keys import KeyLine
from tests.chatting import Chat, chat, local, served
from tests.pseudo_terminal import program
from tests.tui.test_notice import notices

CONTEXT = 16_384


async def test_interrupt_in_an_idle_prompt(demo_server: str, home: Path) -> None:
    """What is typed goes to the earlier prompts; then it asks once, and leaves at once after it."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        app.burst("some words", "ctrl+c")
        await app.until(lambda: notices(app) == "↑ restores the text.")
        assert app.prompt.text == ""
        app.burst("up")
        await app.until(lambda: app.prompt.text == "some words")
        app.burst("ctrl+c", "ctrl+c")
        await app.until(lambda: notices(app) == "^c again quits; everything is saved.")
        app.burst("a", "backspace", "ctrl+c")  # another key between: it asks again
        await app.until(lambda: notices(app) == "^c again quits; everything is saved.")
        assert app.app.is_running
        app.burst("ctrl+c")
        await app.until(lambda: not app.app.is_running)


async def test_interrupt_stops_the_answer(rambler: Path, home: Path) -> None:
    """Also from a page above the chat, and says how to leave where there is none."""
    async with chat(local(rambler, CONTEXT), home / "store") as app:
        app.burst("Go on", "enter")
        await app.until(app.is_thinking)
        app.burst("ctrl+c")
        await app.until(app.is_idle)
        assert app.turns()[-1].status == "stopped"
        app.burst("And on", "enter")
        await app.until(app.is_thinking)
        app.burst("f2", "ctrl+c")
        await app.until(app.is_idle)
        assert isinstance(app.app.screen, SettingsScreen)
        app.burst("ctrl+c", "ctrl+c")
        await app.pilot.pause(0.3)
        assert app.app.is_running


async def test_interrupt_copies_what_is_selected(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the prompt, where it would leave otherwise."""
    copied: list[str] = []
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        monkeypatch.setattr(app.chat, "copy", copied.append)
        app.burst("some words")
        await app.until(lambda: app.prompt.text == "some words")
        app.prompt.select_all()
        app.burst("ctrl+c", "ctrl+c")
        await app.until(lambda: copied == ["some words"] * 2)
        assert app.prompt.text == "some words"
        app.burst("ctrl+x")  # with a selection it cuts
        await app.until(lambda: app.prompt.text == "")


async def test_end_of_input_leaves_an_empty_prompt(demo_server: str, home: Path) -> None:
    """Ctrl+D deletes where there is something to delete."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        app.burst("ab")
        await app.until(lambda: app.prompt.text == "ab")
        app.app.post_message(events.Key("left", None))
        app.burst("ctrl+d")
        await app.until(lambda: app.prompt.text == "a")
        app.burst("ctrl+d", "backspace", "ctrl+d")
        await app.until(lambda: not app.app.is_running)


@pytest.mark.parametrize("name", ["exit", "quit", "bye"])
async def test_names_of_other_programs(name: str, demo_server: str, home: Path) -> None:
    """After a slash, even before there is a conversation."""
    async with chat(served(demo_server), home / "store") as app:
        app.burst(f"/{name}", "enter")
        await app.until(lambda: not app.app.is_running)


def footer(app: Chat) -> str:
    """The line of keys as it is seen."""
    line = app.app.screen.query_one(KeyLine).region
    strips = app.app.screen._compositor.render_strips()[line.y : line.bottom]
    return "".join(strip.text for strip in strips)


async def test_the_way_out_is_seen(rambler: Path, home: Path) -> None:
    """In the line of keys of a small terminal, also while the model thinks, and first in the
    help."""
    async with chat(local(rambler, CONTEXT), home / "store") as app:
        await app.until(app.is_idle)
        await app.until(lambda: "^q Quit" in footer(app))
        app.burst("Go on", "enter")
        await app.until(app.is_thinking)
        await app.until(lambda: "^g Answer now" in footer(app))
        assert "^q Quit" in footer(app)
        app.burst("escape", "f1")
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))
        await app.until(lambda: len(app.app.screen.query(Lines)) > 1)
        (first,) = app.app.screen.query(Lines).first().lines
        assert (first.key, first.title) == ("^q", "Quit")
        assert "^c twice, ^d in an empty prompt, or /quit" in first.text


def test_keys_leave_a_real_terminal(demo_server: str) -> None:
    """Ctrl+C is a key there, not a signal."""
    with program("chat", "--endpoint", demo_server + "/v1") as app:
        before = app.modes()
        app.until(app.shows("sk something"))
        app.write(b"\x03")
        app.until(app.shows("again quits"))
        app.write(b"\x03")
        app.until(app.has_ended)
        assert app.process.returncode == 0
        assert app.modes() == before


async def test_what_comes_while_leaving_is_no_error(demo_server: str, home: Path) -> None:
    """A conversation that is opened then has no place to be shown in any more."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        app.chat.take(Opened(None))
        app.app.exit()
        await asyncio.sleep(0.1)
