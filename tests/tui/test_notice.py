"""Messages have lines of their own, and go when they were read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.tui.widgets.notice import GLANCE_S, LETTERS_PER_S, MOST, Messages, Notice
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.transcript.transcript import Transcript
from tests.chatting import Chat, chat, local, served


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def shown(messages: Messages) -> list[str]:
    """The lines as text."""
    return [line.plain for line in messages.lines()]


@given(st.integers(0, 60), st.floats(0, 5))
def test_a_key_ends_what_there_was_time_to_read(letters: int, seconds: float) -> None:
    """And nothing else; the time it takes depends on how long it is."""
    clock = Clock()
    messages = Messages(clock)
    messages.say("x" * letters, "information")
    clock.now += seconds
    messages.key()
    assert bool(shown(messages)) == (clock.now - 100 < GLANCE_S + letters / LETTERS_PER_S)


def test_messages_do_not_pile_up() -> None:
    """The same one is said once, the oldest makes room, and a line stays until it is over."""
    messages = Messages(Clock())
    messages.tell("conversations", "The disk is full.")
    for text in ("one", "two", "one", "three", "four"):
        messages.say(text, "warning")
    assert shown(messages) == ["○ The disk is full.", "⚠ one", "⚠ three", "⚠ four"]
    assert len(shown(messages)) == 1 + MOST
    messages.clear()
    assert shown(messages) == ["○ The disk is full."]
    messages.tell("conversations", "")
    assert shown(messages) == []


def test_a_hint_ends_with_any_key() -> None:
    """However short it was there."""
    messages = Messages(Clock())
    messages.say("a hint", "information", passing=True)
    messages.say("a message", "information")
    messages.key()
    assert shown(messages) == ["a message"]


def notices(app: Chat) -> str:
    """What is told above the prompt."""
    line = app.chat.query_one(Notice)
    return str(line.content) if line.display else ""


async def test_a_message_covers_nothing(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands above the prompt, which is as large as before; a later key clears it."""
    monkeypatch.setattr("localqwq.tui.widgets.notice.GLANCE_S", 3600.0)
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        app.burst("/stop", "enter")
        await app.until(lambda: "/stop is not possible right now." in notices(app))
        line, prompt = app.chat.query_one(Notice), app.chat.query_one(Prompt)
        await app.until(lambda: line.region.bottom == prompt.region.y)
        for row in range(prompt.region.y, app.app.size.height):
            over, _ = app.chat.get_widget_at(20, row)
            assert app.chat.query_one("#desk") in over.ancestors
        app.burst("a")
        await app.until(lambda: app.prompt.text == "a")
        assert notices(app)  # there was no time to read it
        monkeypatch.setattr("localqwq.tui.widgets.notice.GLANCE_S", -3600.0)
        app.burst("b")
        await app.until(lambda: app.prompt.text == "ab")
        assert not notices(app)


async def test_text_that_comes_below_is_told(rambler: Path, home: Path) -> None:
    """While the view is further up, until it is at the end again; a key goes there."""
    async with chat(local(rambler, 16_384), home / "store") as app:
        app.burst("ctrl+t", "Go on", "enter")
        transcript = app.chat.query_one(Transcript)
        await app.until(lambda: transcript.max_scroll_y > 30)
        assert "New text" not in notices(app)
        app.burst("pageup")
        await app.until(lambda: "↓ New text below; ctrl+end jumps to it." in notices(app))
        height = transcript.max_scroll_y
        await app.until(lambda: transcript.max_scroll_y > height)
        assert transcript.scroll_y < transcript.max_scroll_y
        app.burst("ctrl+end")
        await app.until(lambda: "New text" not in notices(app))
        height = transcript.max_scroll_y
        await app.until(lambda: transcript.max_scroll_y > height + 5)
        await app.until(lambda: transcript.scroll_y > height)
        assert "New text" not in notices(app)
        app.burst("pageup")
        await app.until(lambda: "New text below" in notices(app))
        app.burst("ctrl+n")
        await app.until(lambda: "New text" not in notices(app))
