"""The pages above the chat: what is possible there, and the ways back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from textual.app import App
from textual.await_complete import AwaitComplete
from textual.screen import Screen

from localqwq.tui.commands.table import LEAVING, TABLE, Command

if TYPE_CHECKING:
    from localqwq.tui.screens.chat.screen import ChatScreen


@runtime_checkable
class Page(Protocol):
    """A screen above the chat that its command opens and closes."""

    COMMAND: ClassVar[str]

    def action_leave(self) -> AwaitComplete | None:
        """Go back to the screen below; return None if something else was ended first."""


class Pages:
    """The chat's commands while pages are above it."""

    def __init__(self, app: App[Any], chat: Callable[[], ChatScreen | None]) -> None:
        """Set up; ``chat`` returns the chat's screen once there is one."""
        self._app = app
        self._chat = chat

    def can(self, command: str, screen: Screen[Any]) -> bool:
        """Return whether a command is possible while this screen is above the chat."""
        chat = self._chat()
        if chat is None or screen is chat:
            return False
        if command in (*LEAVING, "help", "palette"):
            return True
        return isinstance(screen, Page) and chat.is_possible(command)

    def commands(self, screen: Screen[Any]) -> Iterable[Command]:
        """Return the commands that are possible while this screen is above the chat."""
        return (one for one in TABLE if one.everywhere and self.can(one.id, screen))

    async def run(self, command: str) -> None:
        """Run a command of the chat, closing the page that is shown if necessary."""
        chat, screen = self._chat(), self._app.screen
        if chat is None:
            return
        if command == "palette":
            self._app.action_command_palette()
        elif not isinstance(screen, Page):
            chat.action_command(command)
        else:
            above = command == "help" and screen.COMMAND != "help"
            if above or not await self._leave_for(command):
                chat.action_command(command)

    async def _leave_for(self, command: str) -> bool:
        """Close the pages above the chat until one is left that the command opens.

        Returns whether the command is done with that: it closes its own page, too, if that is the
        uppermost.
        """
        uppermost = True
        while isinstance(page := self._app.screen, Page):
            own = command == page.COMMAND
            if own and not uppermost:
                return True
            left = page.action_leave()
            if left is None:
                return own
            await left
            if own:
                return True
            uppermost = False
        return False
