"""What MCP servers have ready for the prompt: resources to attach, and prompts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from localqwq.agent.threads import in_daemon
from localqwq.errors import LocalqwqError
from localqwq.tui.session.tool_choice import ToolChoice, ready_builtin

if TYPE_CHECKING:
    from localqwq.agent.folders import Folder
    from localqwq.documents.server_mentions import ServerPrompt
    from localqwq.tui.session.session import Session


class ServerTexts:
    """The servers of the open conversation; they are started when something of theirs is wanted."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def names(self) -> list[str]:
        """Return the names of all servers; none if a file of them cannot be read."""
        try:
            return await asyncio.to_thread(self._session.toolbox.servers.prefixes)
        except LocalqwqError:
            return []

    async def offered(self, word: str) -> list[tuple[str, str]]:
        """Return the resources that begin like a word behind ``@``, with what they are.

        Only those of servers that run: typing starts none.
        """
        servers = self._session.toolbox.servers
        try:
            found = await asyncio.to_thread(lambda: servers.resources(self._folders()))
        except LocalqwqError:
            return []
        return [(mention, told) for mention, told in found if mention.startswith(f"@{word}")]

    async def resource(self, server: str, uri: str) -> str:
        """Return the text of a resource. Raises LocalqwqError."""
        servers = self._session.toolbox.servers
        return await in_daemon(lambda: servers.resource(server, uri, self._folders()), "resource")

    async def prompt(self, called: ServerPrompt) -> str:
        """Return the text of a prompt. Raises LocalqwqError."""
        servers = self._session.toolbox.servers
        return await in_daemon(lambda: servers.prompt(called, self._folders()), "prompt")

    def _folders(self) -> tuple[Folder, ...]:
        return ready_builtin(ToolChoice((), self._session.tools.folders)).folders
