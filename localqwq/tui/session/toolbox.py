"""The tools of a session: those of each answer, and what a person allowed in each conversation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.tui.session.messages import Failed, Report
from localqwq.tui.session.servers import SessionServers
from localqwq.tui.session.tool_choice import ToolChoice, ready_tools

if TYPE_CHECKING:
    from localqwq.agent.grants import GrantsFile
    from localqwq.agent.permission import Ask, Grant, Permissions
    from localqwq.settings.schema import Settings
    from localqwq.tui.session.tool_turn import ToolTurn


class Toolbox:
    """Prepares the tools of answers. Nothing is imported, or read, before a conversation has some.

    Permissions for a conversation end with the app: whoever opens it again is asked again.
    """

    def __init__(
        self, post: Callable[[Report], object], files: Callable[[], Sequence[str]]
    ) -> None:
        """Set up; ``post`` receives what went wrong. ``files``: other programs' MCP servers."""
        self.servers = SessionServers(files, self._servers_changed)
        self.changed: Callable[[], object] | None = None
        """Called in another thread when the state of an MCP server has changed."""
        self._post = post
        self._permissions: dict[int, Permissions] = {}
        self._told: set[tuple[int, str]] = set()
        self._definitions: dict[ToolChoice, str] = {}

    async def turn(
        self, conversation: int, choice: ToolChoice, settings: Settings, ask: Ask
    ) -> ToolTurn:
        """Return what an answer in a conversation needs; tools that do not work are said once.

        ``ask``: asks the person.
        """
        from localqwq.agent.audit import AuditLog
        from localqwq.agent.limits import Limits
        from localqwq.agent.threads import in_daemon
        from localqwq.tui.session.tool_turn import ToolTurn

        # Not in a thread that the end of the app would wait for: a server may take long to start.
        ready = await in_daemon(lambda: ready_tools(choice, self.servers), "tools")
        for name, sentence in ready.problems.items():
            if (conversation, sentence) not in self._told:
                self._told.add((conversation, sentence))
                self._post(Failed(f"{name} is not offered to the model: {sentence}"))
        agent = settings.agent
        return ToolTurn(
            ready.tools,
            Limits(agent.max_rounds, agent.max_tokens, agent.max_seconds),
            self._permissions_of(conversation, ask).decide,
            AuditLog(),
            agent.keep_thoughts,
        )

    async def definitions(self, choice: ToolChoice) -> str:
        """Return what the model is told about the chosen tools, as JSON; empty for none."""
        if not choice.names:
            return ""
        from localqwq.agent.threads import in_daemon

        if choice not in self._definitions:
            ready = await in_daemon(lambda: ready_tools(choice, self.servers), "tools")
            told = [json.dumps(tool.definition(), ensure_ascii=False) for tool in ready.tools]
            self._definitions = {choice: "\n".join(told)}
        return self._definitions[choice]

    def ended(self, turn: ToolTurn) -> None:
        """Note the end of an answer; a log that could not be written is said."""
        if turn.audit.problem:
            self._post(Failed(turn.audit.problem))

    def granted(self, conversation: int | None) -> list[tuple[Grant, bool]]:
        """Return the lasting permissions, and whether each is for always. Reads a file."""
        own = self._permissions.get(conversation) if conversation is not None else None
        always = _grants_file().all()
        here = [grant for grant in (own.granted if own else ()) if grant not in always]
        return [*((grant, False) for grant in here), *((grant, True) for grant in always)]

    def revoke(self, conversation: int | None, grant: Grant) -> None:
        """Withdraw a permission; raises LocalqwqError if one for always cannot be removed."""
        if conversation is not None and conversation in self._permissions:
            self._permissions[conversation].revoke(grant)
        file = _grants_file()
        if file.has(grant):
            file.remove(grant)

    async def close(self) -> None:
        """End the MCP servers."""
        await asyncio.to_thread(self.servers.close)

    def _servers_changed(self) -> None:
        self._definitions = {}
        if self.changed is not None:
            self.changed()

    def _permissions_of(self, conversation: int, ask: Ask) -> Permissions:
        from localqwq.agent.permission import Permissions

        if conversation not in self._permissions:
            self._permissions[conversation] = Permissions(
                ask=ask, remembered=_Remembered(_grants_file(), self._post)
            )
        return self._permissions[conversation]


class _Remembered:
    """The permissions for always; one that cannot be kept is said, and does not end the answer."""

    def __init__(self, file: GrantsFile, post: Callable[[Report], object]) -> None:
        self.has, self.changed = file.has, file.changed
        self._file, self._post = file, post

    def add(self, grant: Grant, statement: str) -> None:
        """Remember one, with the statement of its tool."""
        try:
            self._file.add(grant, statement)
        except LocalqwqError as error:
            self._post(Failed(str(error)))


def _grants_file() -> GrantsFile:
    from localqwq.agent.grants import GrantsFile

    return GrantsFile()
