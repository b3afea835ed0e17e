"""While nothing goes on, nothing in the app looks whether something does."""

from pathlib import Path

from localqwq.tui.screens.conversations import ConversationsScreen
from tests.chatting import Chat, chat, local


def rests(app: Chat) -> bool:
    """Whether what draws at intervals waits to be woken."""
    return all(beat.is_resting for beat in app.chat.state.beats)


async def test_the_chat_rests_until_something_happens(demo_gguf: Path, home: Path) -> None:
    """And what happens then is drawn: what is typed, answered, or left out by a narrow terminal."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(lambda: rests(app) and "demo · Q8_0" in app.text())
        fill = app.text().split()[-3:]
        await app.type("What is 12 + 30?")
        await app.until(lambda: app.text().split()[-3:] != fill)
        await app.until(lambda: rests(app))
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        rate = f"{app.turns()[-1].measures.rate:.1f} tokens/s"
        await app.until(lambda: rests(app) and rate in app.text())


async def test_the_list_of_conversations_rests(demo_gguf: Path, home: Path) -> None:
    """Once no answer is on its way."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.ask("What is 12 + 30?")
        await app.pilot.press("ctrl+o")
        await app.until(lambda: isinstance(app.app.screen, ConversationsScreen))
        shown = app.app.screen
        assert isinstance(shown, ConversationsScreen)
        await app.until(lambda: shown.beat is not None and shown.beat.is_resting)
