"""MCP servers in the app: a real process of the SDK, in the sandbox."""

import json
from pathlib import Path

from textual.widgets import OptionList

from localqwq.agent.mcp.entries import written
from localqwq.agent.mcp.files import own_file
from localqwq.tui.screens.question import QuestionScreen
from localqwq.tui.screens.tools import ToolsScreen
from localqwq.tui.widgets.notice import Notice
from tests.agent.mcp_entries import needs_servers, stdio_entry
from tests.chatting import Chat, chat, served


def listed(app: Chat) -> str:
    """The text of the screen's list."""
    if not isinstance(app.app.screen, ToolsScreen):
        return ""
    options = app.app.screen.query_one(OptionList).options
    return "\n".join(str(option.prompt) for option in options)


@needs_servers()
async def test_a_server_is_allowed_started_and_offered(demo_server: str, home: Path) -> None:
    """It asks for its folders; then its tools are there, and what the model is told of them."""
    own_file().parent.mkdir(parents=True, exist_ok=True)
    own_file().write_text(json.dumps({"mcpServers": {"everything": written(stdio_entry())}}))
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        session = app.app.session
        assert session is not None
        await app.pilot.press("f12")
        await app.until(lambda: "☐ everything" in listed(app))
        screen = app.app.screen
        while "everything" not in str(
            (option := screen.query_one(OptionList).highlighted_option) and option.prompt
        ):
            await app.pilot.press("down")
        await app.pilot.press("space")
        await app.until(lambda: isinstance(app.app.screen, QuestionScreen))
        await app.pilot.press("y")
        await app.until(lambda: "☑ everything   ready, " in listed(app))
        assert session.tools.names == ("everything",)
        told = await session.toolbox.definitions(session.tools)
        assert '"name": "everything_' in told
        await app.pilot.press("escape")
        await app.until(lambda: app.app.screen is app.chat)
        app.prompt.load_text("Read @everything:notes://first, please.")
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        [attachment] = app.turns()[0].attachments
        assert attachment.name == "everything:notes://first"
        assert attachment.text.startswith("Buy milk.")
        assert "<|im_end|>" not in attachment.text
        app.prompt.load_text("/everything:write rain tone=sad")
        await app.pilot.press("enter")
        await app.until(lambda: "Write about rain in a sad tone." in app.prompt.text)


@needs_servers()
async def test_a_command_asks_too(demo_server: str, home: Path) -> None:
    """Refused, the server is not started, and the person is told why its tools are not there."""
    own_file().parent.mkdir(parents=True, exist_ok=True)
    own_file().write_text(json.dumps({"mcpServers": {"everything": written(stdio_entry())}}))
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.type("/tools everything")
        await app.pilot.press("enter")
        await app.until(lambda: isinstance(app.app.screen, QuestionScreen))
        await app.pilot.press("n")
        notice = app.chat.query_one(Notice)
        await app.until(lambda: "everything has to be allowed first" in str(notice.render()))
        await app.type("/tools everything")
        await app.pilot.press("enter")
        await app.until(lambda: isinstance(app.app.screen, QuestionScreen))
        await app.pilot.press("y")
        await app.until(lambda: "The model may call everything_" in str(notice.render()))
