"""One table of commands: keys, palette, help, and the person's own keys."""

import inspect
from pathlib import Path

from textual.command import CommandPalette
from textual.widgets import OptionList, TextArea

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile
from localqwq.tui.commands import COMMANDS, TABLE, shown
from localqwq.tui.screens.chat import ChatScreen
from localqwq.tui.screens.help import HelpScreen, Line
from localqwq.tui.screens.settings import SettingsScreen
from tests.chatting import chat, served


def keys() -> list[str]:
    """All keys of all commands."""
    return [key for command in TABLE for key in command.keys.split(",") if key]


def test_every_command_can_be_done() -> None:
    """Each has an id and a key of its own, a method of the screen, and words."""
    assert len(COMMANDS) == len(TABLE)
    # One goes on with a thought that is over, the other one with a thought that is not.
    assert {key for key in keys() if keys().count(key) > 1} == {"ctrl+l"}
    for command in TABLE:
        assert inspect.iscoroutinefunction(getattr(ChatScreen, f"_do_{command.id}")), command.id
        assert command.help.endswith(".")


def test_no_key_is_in_the_way_of_typing() -> None:
    """The text area has no use for them, or they go before it on purpose."""
    taken = {
        key
        for binding in TextArea.BINDINGS
        for key in (binding[0] if isinstance(binding, tuple) else binding.key).split(",")
    }
    for command in TABLE:
        for key in command.keys.split(","):
            if key in taken:
                assert command.priority, f"{command.id}: {key}"
            assert len(key) != 1, f"{command.id}: {key}"


def test_keys_read_well() -> None:
    """As people write them."""
    written = ("ctrl+g", "f1,ctrl+x", "escape", "alt+left", "pageup", "")
    assert [shown(key) for key in written] == ["^g", "F1", "esc", "alt+←", "PgUp", ""]


async def test_help_lists_all_and_the_palette_finds_one(demo_server: str, home: Path) -> None:
    """F1 shows each command with its key; the palette does what is chosen."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.pilot.press("f1")
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))
        assert len(app.app.screen.query(Line)) >= len(TABLE)
        await app.pilot.press("escape")
        await app.until(lambda: app.app.screen is app.chat)
        await app.pilot.press("ctrl+p")
        await app.until(lambda: isinstance(app.app.screen, CommandPalette))
        await app.type("settings")
        found = app.app.screen.query_one(OptionList)
        await app.until(lambda: 0 < found.option_count < 4)
        await app.pilot.press("enter")
        await app.until(lambda: isinstance(app.app.screen, SettingsScreen))


async def test_keys_of_ones_own_count_at_once(demo_server: str, home: Path) -> None:
    """Those of the file from the beginning, and those of a changed file soon after."""
    file = SettingsFile(settings_file())
    file.change("keys", {"help": "f12"})
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.pilot.press("f12")
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))
        await app.pilot.press("escape")
        await app.until(lambda: app.app.screen is app.chat)
        file.change("keys", {"help": "f11"})
        session = app.app.session
        assert session is not None
        await app.until(lambda: session.settings.keys == {"help": "f11"})
        await app.pilot.press("f11")
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))


async def test_words_after_a_slash_are_commands(demo_server: str, home: Path) -> None:
    """`/help` from the prompt."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.type("/help")
        await app.pilot.press("escape", "enter")
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))


async def test_settings_count_at_once(demo_server: str, home: Path) -> None:
    """Those of all in the next request, and those of one conversation only there."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        assert not app.chat.is_possible("own_settings")
        session = app.app.session
        assert session is not None
        await app.pilot.press("f2")
        await app.until(lambda: isinstance(app.app.screen, SettingsScreen))
        await app.pilot.press("ctrl+f")
        await app.type("temperature")
        await app.pilot.press("enter")
        await app.type("0.5")
        await app.pilot.press("enter")
        await app.until(lambda: session.in_force.sampling.temperature == 0.5)
        await app.pilot.press("escape")
        await app.until(lambda: app.app.screen is app.chat)
        await app.ask("What is 1 + 1?")
        app.chat.action_command("own_settings")
        await app.until(lambda: isinstance(app.app.screen, SettingsScreen))
        await app.pilot.press("ctrl+f")
        await app.type("temperature")
        await app.pilot.press("enter")
        await app.type("0.7")
        await app.pilot.press("enter")
        await app.until(lambda: session.in_force.sampling.temperature == 0.7)
        assert app.conversation().settings == {"sampling.temperature": 0.7}
        await session.new()
        assert session.in_force.sampling.temperature == 0.5
