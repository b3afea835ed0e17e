"""Thoughts are ended, prolonged and bounded while they go on."""

from pathlib import Path

from localqwq.locations import settings_file
from localqwq.reasoning.budget import HANDOVER
from localqwq.settings.file import SettingsFile
from localqwq.tui.commands.table import COMMANDS
from localqwq.tui.session.answer_run import LIMIT
from tests.chatting import Chat, chat, local

CONTEXT = 16_384


async def go(app: Chat) -> None:
    """Sends a prompt and waits for its thought."""
    await app.type("Go on")
    await app.pilot.press("enter")
    await app.until(app.is_thinking)


async def test_the_answer_is_asked_for(rambler: Path, home: Path) -> None:
    """Ctrl+G ends the thought with a sentence, and what comes then is the answer."""
    async with chat(local(rambler, CONTEXT), home / "store") as app:
        assert not app.chat.is_possible("answer_now")
        await go(app)
        await app.until(lambda: app.chat.is_possible("answer_now"))
        assert not app.chat.is_possible("think_longer")
        await app.pilot.press("ctrl+g")
        await app.until(lambda: bool(app.turns()[-1].text))
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        assert app.turns()[-1].thought.endswith(HANDOVER)
        assert app.turns()[-1].text


async def test_a_budget_drains_is_prolonged_and_ends_the_thought(rambler: Path, home: Path) -> None:
    """It is seen, Ctrl+L adds to it, and a quiet sentence says that it was spent."""
    SettingsFile(settings_file()).change_all({"thinking.budget": 2000, "sampling.max_tokens": 2400})
    async with chat(local(rambler, CONTEXT), home / "store") as app:
        await go(app)
        await app.until(lambda: "/ 2,000 ·" in app.text())
        app.chat.action_command("think_longer", "50")
        await app.until(lambda: "/ 2,050 ·" in app.text())
        await app.until(lambda: bool(app.turns()[-1].text))
        await app.until(app.is_idle)
        ended = app.turns()[-1]
        assert ended.measures.thought_tokens > 2040
        assert ended.thought.endswith(HANDOVER)
        assert ended.note == LIMIT
        await app.pilot.press("ctrl+l")
        await app.until(lambda: app.turns()[-1].id != ended.id)
        await app.until(app.is_thinking)
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        assert app.turns()[-1].thought.startswith(ended.thought.removesuffix(HANDOVER).rstrip())


async def test_what_was_stopped_goes_on(rambler: Path, home: Path) -> None:
    """F8 takes up the thought where it was left; the words are not said twice."""
    async with chat(local(rambler, CONTEXT), home / "store") as app:
        await go(app)
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        stopped = app.turns()[-1]
        assert COMMANDS["continue"].keys == "f8"
        await app.pilot.press("f8")
        await app.until(lambda: app.turns()[-1].id != stopped.id)
        await app.until(lambda: len(app.turns()[-1].thought) > len(stopped.thought))
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        assert app.turns()[-1].thought.startswith(stopped.thought.rstrip(" \t"))
