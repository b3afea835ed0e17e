"""The line of keys below the prompt."""

from pathlib import Path

from textual import events

from localqwq.tui.screens.help import HelpScreen
from localqwq.tui.widgets.keys import KeyLine
from tests.chatting import Chat, chat, local, served


def line(app: Chat) -> KeyLine:
    """The line of keys."""
    return app.chat.query_one(KeyLine)


def drawn(app: Chat) -> str:
    """What of it is on the screen."""
    shown = line(app)
    return str(shown.render())[: shown.content_size.width]


def turned(kind: type[events.MouseEvent], widget: KeyLine) -> events.MouseEvent:
    """The mouse's wheel, over the line."""
    return kind(widget, 1, 0, 0, 0, button=0, shift=False, meta=False, ctrl=False)


async def test_keys_are_those_that_do_something(rambler: Path, home: Path) -> None:
    """While a thought grows there are keys to end it."""
    async with chat(local(rambler, context=16_384), home / "store") as app:
        await app.until(lambda: "⏎ Send ^j New line F1 Help" in drawn(app))
        await app.type("Go on")
        await app.pilot.press("enter")
        await app.until(lambda: "esc Stop ^g Answer now F1 Help" in drawn(app))
        await app.pilot.press("escape")
        await app.until(lambda: "Stop" not in drawn(app))


async def test_a_click_presses_a_key(demo_server: str, home: Path) -> None:
    """The one under the mouse, which is explained there."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(lambda: "/ 2,048" in app.text() and "F1 Help" in drawn(app))
        await app.until(lambda: all(beat.is_resting for beat in app.chat.state.beats))
        at = 1 + drawn(app).index("Help")
        place = line(app).region.offset.x + at, line(app).region.y
        await app.until(lambda: "key" in app.app.screen.get_style_at(*place).meta)
        await app.pilot.hover(KeyLine, offset=(at, 0))
        await app.until(lambda: line(app).tooltip == "All commands and their keys.")
        await app.pilot.click(KeyLine, offset=(at, 0))
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))


async def test_what_does_not_fit_is_reached_by_the_wheel(demo_server: str, home: Path) -> None:
    """On a narrow terminal, and back again."""
    async with chat(served(demo_server), home / "store", size=(40, 24)) as app:
        await app.until(lambda: "F1 Help" in drawn(app))
        last = line(app).keys[-1].title
        assert last not in drawn(app)
        for _ in range(30):
            line(app).post_message(turned(events.MouseScrollDown, line(app)))
            await app.pilot.pause()
        assert drawn(app).endswith(last)
        for _ in range(30):
            line(app).post_message(turned(events.MouseScrollUp, line(app)))
            await app.pilot.pause()
        assert drawn(app).startswith("⏎ Send")
