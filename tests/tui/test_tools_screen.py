"""The screen of tools: what there is, what is on, what was allowed, and why something fails."""

from pathlib import Path

from textual.widgets import OptionList, Static

from localqwq.agent.grants import GrantsFile
from localqwq.agent.permission import Grant
from localqwq.tui.screens.tools import NOT_DELETED, ToolsScreen
from localqwq.tui.session.session import Session
from localqwq.tui.session.tool_choice import ToolChoice
from localqwq.tui.widgets.notice import Notice
from tests.chatting import Chat, chat, served


def session(app: Chat) -> Session:
    """What the screen changes."""
    assert app.app.session is not None
    return app.app.session


def listed(app: Chat) -> str:
    """The text of the list."""
    if not isinstance(app.app.screen, ToolsScreen):
        return ""
    options = app.app.screen.query_one(OptionList).options
    return "\n".join(str(option.prompt) for option in options)


def about(app: Chat) -> str:
    """What is said about the marked line."""
    return str(app.app.screen.query_one("#about", Static).render())


def marked(app: Chat) -> str:
    """The marked line."""
    option = app.app.screen.query_one(OptionList).highlighted_option
    return str(option.prompt) if option else ""


def notices(app: Chat) -> str:
    """What is said above the prompt."""
    return str(app.chat.query_one(Notice).render())


async def move_to(app: Chat, text: str) -> None:
    """Move the cursor to a line."""
    for _ in range(30):
        if text in marked(app):
            return
        await app.pilot.press("down")
    raise AssertionError(text)


async def test_everything_is_switched_and_withdrawn(
    demo_server: str, home: Path, tmp_path: Path
) -> None:
    """A tool, a folder and a permission; the reason stands below the list."""
    GrantsFile().add(Grant("shell", "f" * 64, ("/usr/bin/ls",)), "")
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.type(f"/folder {tmp_path}:rw")
        await app.pilot.press("enter")
        await app.until(lambda: session(app).tools.folders == (f"{tmp_path}:rw",))
        await app.pilot.press("f12")
        await app.until(lambda: "shell  always, for /usr/bin/ls" in listed(app))
        assert "☐ calculator" in listed(app)
        assert "never asks" in about(app)
        await app.pilot.press("space")
        await app.until(lambda: "☑ calculator" in listed(app))
        await app.pilot.press("delete")
        await app.until(lambda: NOT_DELETED in str(app.app.screen.query_one(Notice).render()))
        await move_to(app, "write_file")
        await app.pilot.press("enter")
        await app.until(lambda: session(app).tools.names == ("calculator", "write_file"))
        await move_to(app, "for reading and writing")
        await app.pilot.press("delete")
        await app.until(lambda: "None is open." in listed(app))
        await move_to(app, "shell  always")
        await app.pilot.press("delete")
        await app.until(lambda: "None: you are asked." in listed(app))
        assert GrantsFile().all() == []
        await app.pilot.press("home")
        await move_to(app, "write_file")
        await app.until(lambda: "needs a folder to write in" in about(app))
        await app.pilot.press("escape")
        await app.until(lambda: app.app.screen is app.chat)
        # Both begin with the first prompt.
        await app.ask("What is 12 + 30?")
        own = app.conversation().settings
        assert own == {"agent.tools": ["calculator", "write_file"], "agent.folders": []}
        assert session(app).tools == ToolChoice(("calculator", "write_file"))


async def test_wrong_names_are_said(demo_server: str, home: Path, tmp_path: Path) -> None:
    """A tool or a folder that is not there changes nothing."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.type("/tools calculater")
        await app.pilot.press("enter")
        await app.until(lambda: "There is no tool 'calculater'" in notices(app))
        assert "↑ restores the text." in notices(app)
        await app.pilot.press("up")
        assert app.prompt.text == "/tools calculater"
        await app.pilot.press("down")
        await app.type(f"/folder {tmp_path}/none")
        await app.pilot.press("enter")
        await app.until(lambda: "is not a folder" in notices(app))
        assert session(app).tools == ToolChoice()
