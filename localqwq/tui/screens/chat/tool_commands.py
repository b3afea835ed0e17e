"""The chat's commands about tools: which the model may call, and in which folders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from localqwq.agent.names import BUILTIN, SANDBOXED
from localqwq.agent.threads import in_daemon
from localqwq.conversations.turns import FOLDERS
from localqwq.errors import LocalqwqError
from localqwq.tui.screens.chat.state import carry_out
from localqwq.tui.session.tool_choice import (
    TOOLS,
    named_folders,
    named_tools,
    ready_builtin,
    summary,
)

if TYPE_CHECKING:
    from textual.screen import Screen

    from localqwq.tui.screens.chat.state import ChatState
    from localqwq.tui.session.session import Session


class ToolCommands:
    """Runs these commands."""

    def __init__(self, screen: Screen[None], state: ChatState) -> None:
        self._screen = screen
        self._state = state
        self.with_text: dict[str, Callable[[Session, str], Awaitable[object]]] = {
            "tools": self._tools,
            "folder": self._folder,
        }
        """Actions by command, which take the text typed after its name."""

    async def _tools(self, session: Session, argument: str) -> None:
        if not argument:
            await self._show(session)
            return
        try:
            names = await asyncio.to_thread(named_tools, argument, session.toolbox.servers)
            asking = await asyncio.to_thread(self._asking, session, names)
        except LocalqwqError as error:
            self._refuse(error)
            return
        if asking:
            self._ask(session, names, asking)
        else:
            await self._set(session, TOOLS, names)

    def _asking(self, session: Session, names: list[str]) -> list[tuple[str, str]]:
        if set(names) <= set(BUILTIN):
            return []
        return session.toolbox.servers.asking(names, ready_builtin(session.tools).folders)

    def _ask(self, session: Session, names: list[str], asking: list[tuple[str, str]]) -> None:
        """Ask about the first server that has to be allowed before it is started."""
        from localqwq.tui.screens.question import QuestionScreen

        (name, words), *rest = asking

        def answered(yes: bool | None) -> None:
            carry_out(self._screen, self._answered(session, names, name, rest, yes=bool(yes)))

        question = QuestionScreen(f"Allow {name}?", f"{name} {words}.", "Always", "No")
        self._screen.app.push_screen(question, answered)

    async def _answered(
        self,
        session: Session,
        names: list[str],
        name: str,
        rest: list[tuple[str, str]],
        *,
        yes: bool,
    ) -> None:
        if yes:
            servers, folders = session.toolbox.servers, ready_builtin(session.tools).folders
            await asyncio.to_thread(servers.grant, name, folders)
        if rest:
            self._ask(session, names, rest)
        else:
            await self._set(session, TOOLS, names)

    async def _folder(self, session: Session, argument: str) -> None:
        if not argument:
            await self._show(session)
            return
        try:
            folders = await asyncio.to_thread(named_folders, argument, session.tools.folders)
        except LocalqwqError as error:
            self._refuse(error)
            return
        await self._set(session, FOLDERS, folders)

    def _refuse(self, error: LocalqwqError) -> None:
        """Say what is wrong with the typed text, and how to get it back."""
        text = f"{error} ↑ restores the text."
        self._screen.notify(text, severity="warning", markup=False)

    async def _set(self, session: Session, key: str, value: list[str]) -> None:
        await session.set_overrides({**session.own, key: value})
        await self.tell(session)

    async def tell(self, session: Session) -> None:
        """Say what the model may use now; the sandbox may be tried for that."""
        names, servers = set(session.tools.names), session.toolbox.servers
        if not names <= set(BUILTIN):
            self._screen.notify("Starting MCP servers …")
        elif names & SANDBOXED:
            self._screen.notify("Testing the sandbox …")
        for line in await in_daemon(lambda: summary(session.tools, servers), "tools"):
            self._screen.notify(line, markup=False)
        if self._state.gauge is not None:
            self._state.gauge.retool()

    async def _show(self, session: Session) -> None:
        from localqwq.tui.screens.tools import ToolsScreen

        gauge = self._state.gauge
        changed = gauge.retool if gauge is not None else lambda: None
        await self._screen.app.push_screen(ToolsScreen(session, changed))
