"""One table of commands: keys, palette, help, and the person's own keys."""

import inspect
from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import OptionList, TextArea

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile
from localqwq.tui.app import ChatApp
from localqwq.tui.commands.table import COMMANDS, LEADER, LEAVING, TABLE, shown
from localqwq.tui.screens.chat.screen import ChatScreen
from localqwq.tui.screens.context import ContextScreen
from localqwq.tui.screens.conversations import ConversationsScreen
from localqwq.tui.screens.help import HelpScreen, Lines
from localqwq.tui.screens.models import ModelsScreen
from localqwq.tui.screens.settings import SettingsScreen
from tests.chatting import Chat, chat, served
from tests.tui.test_notice import notices


def keys() -> list[str]:
    """All keys of all commands."""
    return [key for command in TABLE for key in command.keys.split(",") if key]


def test_every_command_can_be_done(home: Path) -> None:
    """Each has an id and a key of its own, something that does it, and words."""
    assert len(COMMANDS) == len(TABLE)
    # One goes on with a thought that is over, the other one with a thought that is not.
    assert {key for key in keys() if keys().count(key) > 1} == {"ctrl+l"}
    screen = ChatScreen(SettingsFile(home / "settings.toml"))
    done = screen.commands.keys() | screen.with_text.keys()
    assert done == COMMANDS.keys() - set(LEAVING)
    for name in LEAVING:
        assert inspect.iscoroutinefunction(getattr(ChatApp, f"action_{name}"))
    for command in TABLE:
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
        lines = app.app.screen.query(Lines).results(Lines)
        assert sum(len(group.lines) for group in lines) >= len(TABLE)
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


PAGES = (SettingsScreen, ModelsScreen, ConversationsScreen, HelpScreen, ContextScreen)


def page_keys(page: type[Screen[Any]]) -> dict[str, str]:
    """What the keys of a page do."""
    found = [one for one in page.BINDINGS if isinstance(one, Binding)]
    return {key: one.action for one in found for key in one.key.split(",")}


def test_every_function_key_has_a_second_way() -> None:
    """A letter after the leader, for keyboards that have none and multiplexers that take them."""
    for command in TABLE:
        if any(key[1:].isdigit() for key in command.keys.split(",")):
            assert command.letter, command.id
    letters = [command.letter for command in TABLE if command.letter]
    assert len(set(letters)) == len(letters)
    for page in PAGES:
        keys = page_keys(page)
        behind = {action for key, action in keys.items() if key.startswith(f"{LEADER} ")}
        assert {action for key, action in keys.items() if key[1:].isdigit()} <= behind


CHOSEN = ("enter", "left", "right")
"""They go through what is there, and do what is to be done with it."""
REMOVED = {"remove", "delete"}
SAME = {("edit", "rename"), ("new", "new"), ("remove", "remove"), ("remove", "delete")}
SAME |= {("undo", "undo"), ("stop", "leave")}
"""Commands and what the same keys do on pages: to a title, a conversation, a model."""


def test_a_key_means_the_same_on_every_page() -> None:
    """Pages do without keys that do something else in the chat or on another page."""
    meanings: dict[str, set[str]] = {}
    for page in PAGES:
        for key, action in page_keys(page).items():
            meanings.setdefault(key, set()).add(action.partition("(")[0])
    for key, actions in meanings.items():
        assert len(actions) == 1 or key in CHOSEN or actions == REMOVED, f"{key}: {actions}"
    for command in TABLE:
        for key in [*command.keys.split(","), f"{LEADER} {command.letter}"]:
            for action in meanings.get(key, ()):
                assert (command.id, action) in SAME or action == "move", f"{key}: {action}"


async def test_letters_after_the_leader(demo_server: str, home: Path) -> None:
    """They do what function keys do, in pages too, and say what there is."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 1 + 1?")
        app.burst("ctrl+x")
        await app.until(lambda: "h\xa0Help" in notices(app))
        assert "y\xa0Try" not in notices(app)
        app.burst("h")
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))
        app.burst("ctrl+x", "s")
        await app.until(lambda: isinstance(app.app.screen, SettingsScreen))
        app.burst("ctrl+x", "o", "ctrl+x", "e", "ctrl+u", "Sums", "enter", "ctrl+x", "o")
        await app.until(lambda: app.conversation().title == "Sums")
        await app.until(lambda: app.app.screen is app.chat)
        app.burst("ctrl+x", "j")
        await app.until(lambda: notices(app) == "^x j does nothing here.")
        assert app.prompt.text == ""
        app.burst("ctrl+x", "escape", "j")
        await app.until(lambda: app.prompt.text == "j")
        assert notices(app) == ""


async def options(app: Chat) -> OptionList:
    """The list of the palette, once it is there."""
    await app.until(lambda: isinstance(app.app.screen, CommandPalette))
    await app.until(lambda: bool(app.app.screen.query(OptionList)))
    return app.app.screen.query_one(OptionList)


async def test_the_palette_is_there_in_the_lists(demo_server: str, home: Path) -> None:
    """It finds what the list can do, and what can be done everywhere."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 1 + 1?")
        app.burst("ctrl+o", "ctrl+p")
        found = await options(app)
        await app.until(lambda: found.option_count > 10)
        await app.type("rename")
        await app.until(lambda: ["Rename" in str(one.prompt) for one in found.options] == [True])
        await app.pilot.press("enter")
        await app.until(lambda: isinstance(app.app.screen, ConversationsScreen))
        await app.until(lambda: app.app.screen.query_one("#rename").has_focus)
        app.burst("escape", "ctrl+p")
        found = await options(app)
        await app.type("settings")
        await app.until(lambda: "F2" in "".join(str(one.prompt) for one in found.options))
        await app.pilot.press("enter")
        await app.until(lambda: isinstance(app.app.screen, SettingsScreen))
