"""Plain mode's commands about tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from localqwq.conversations.turns import FOLDERS
from localqwq.errors import LocalqwqError
from localqwq.tui.session.tool_choice import TOOLS, named_folders, named_tools, summary
from localqwq.tui.session.tool_rows import Row, sections

if TYPE_CHECKING:
    from localqwq.agent.permission import Grant
    from localqwq.tui.session.session import Session


class ToolTalk:
    """Chooses tools and folders, and withdraws permissions; says what came of it."""

    def __init__(self, session: Session, say: Callable[..., None]) -> None:
        self._session = session
        self._say = say

    async def choose(self, argument: str) -> None:
        """Choose the tools that are named; without any, list what there is."""
        if not argument:
            await self._list()
            return
        try:
            servers = self._session.toolbox.servers
            names = await asyncio.to_thread(named_tools, argument, servers)
        except LocalqwqError as error:
            self._say(str(error))
        else:
            await self._set(TOOLS, names)

    async def open_folder(self, argument: str) -> None:
        """Open a folder."""
        try:
            opened = self._session.tools.folders
            folders = await asyncio.to_thread(named_folders, argument, opened)
        except LocalqwqError as error:
            self._say(str(error))
        else:
            await self._set(FOLDERS, folders)

    async def withdraw(self, argument: str) -> None:
        """Withdraw the permission with a number."""
        grants = await asyncio.to_thread(self._grants)
        if not argument.isdecimal() or not 1 <= int(argument) <= len(grants):
            self._say("Name a permission by its number; /tools lists them.")
            return
        grant, _ = grants[int(argument) - 1]
        try:
            revoke = self._session.toolbox.revoke
            await asyncio.to_thread(revoke, self._conversation, grant)
        except LocalqwqError as error:
            self._say(str(error))
        else:
            self._say(f"{grant.tool} needs your permission again.")

    async def _list(self) -> None:
        def found() -> list[str]:
            shown = sections(self._session.tools, self._grants(), self._session.toolbox.servers)
            return [line for one in shown for line in (f"{one.title}:", *map(_line, one.rows))]

        self._say(*await asyncio.to_thread(found))

    async def _set(self, key: str, value: list[str]) -> None:
        await self._session.set_overrides({**self._session.own, key: value})
        session = self._session
        self._say(*await asyncio.to_thread(summary, session.tools, session.toolbox.servers))

    def _grants(self) -> list[tuple[Grant, bool]]:
        return self._session.toolbox.granted(self._conversation)

    @property
    def _conversation(self) -> int | None:
        conversation = self._session.conversation
        return conversation.id if conversation else None


def _line(row: Row) -> str:
    told = f"{row.told}. {row.problem}" if row.problem else row.told
    match row.kind:
        case "tool" | "server":
            return f"{row.title}, {'on' if row.chosen else 'off'}: {told}"
        case "grant":
            return f"{int(row.key) + 1}: {row.title}, {told}"
        case "folder":
            return f"{row.title}, {told}"
    return told
