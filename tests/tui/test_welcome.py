"""An empty conversation says what can be done besides asking."""

from pathlib import Path

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile
from localqwq.tui.screens.help import HelpScreen
from tests.chatting import chat, served


async def test_an_endpoint_welcomes(demo_server: str, home: Path) -> None:
    """Files, commands, and where all keys are: by the key that the person chose for it."""
    SettingsFile(settings_file()).change("keys", {"help": "f12"})
    async with chat(served(demo_server), home / "store") as app:
        await app.until(lambda: "F12 lists all commands" in app.text())
        assert "@ attaches a file" in app.text()
        assert "/ runs a command" in app.text()
        await app.pilot.click("#ways", offset=(1, 2))
        await app.until(lambda: isinstance(app.app.screen, HelpScreen))
