"""Keys that somebody wrote into the settings, and whether they can be pressed."""

from pathlib import Path

import pytest
from textual.keys import Keys

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile
from localqwq.tui.commands.key_names import is_key, key_problems
from localqwq.tui.commands.table import TABLE
from tests.chatting import chat, served
from tests.tui.test_notice import notices


def test_all_keys_are_known() -> None:
    """Those of the table, and Textual's own."""
    assert all(is_key(key) for command in TABLE for key in command.keys.split(",") if key)
    assert all(is_key(key.value) for key in Keys if key.value[:1] not in "<" and "-" not in key)


@pytest.mark.parametrize(
    "name", ["ctrl+y", "alt+left", "f2", "?", "plus", "ctrl++", "é", "ctrl+shift+x", "full_stop"]
)
def test_names_of_keys(name: str) -> None:
    """As Textual and people call them."""
    assert is_key(name)


@pytest.mark.parametrize(
    "name", ["", " ", "ctrl", "ctrl+", "ctrl+zz", "strg+y", "f99", "ctrl+ctrl+x", "Escape", "^g"]
)
def test_no_names_of_keys(name: str) -> None:
    """Nothing that could be pressed would be called so."""
    assert not is_key(name)


def test_what_does_nothing_is_told() -> None:
    """A command that there is not, and a key that there is not."""
    assert key_problems({"help": "f12, ctrl+y, ctrl+x j"}) == []
    [command, key] = key_problems({"anwser_now": "f12", "help": "f12,strg+y"})
    assert "keys.anwser_now: there is no such command" in command
    assert "keys.help: there is no key 'strg+y'" in key


async def test_the_app_tells_them(demo_server: str, home: Path) -> None:
    """At its start and when the file changes, themes that there are not as well."""
    file = SettingsFile(settings_file())
    file.change_all({"keys": {"hlep": "f12"}, "appearance.theme": "pink"})
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)

        def told(words: str) -> bool:
            return words in notices(app)

        await app.until(lambda: told("keys.hlep") and told("no theme 'pink'"))
        file.change_all({"keys": {"help": "strg+y"}, "appearance.theme": "green"})
        await app.until(lambda: told("'strg+y'") and told("no theme 'green'"))
