"""The chat's commands about views: conversations, thoughts, context, settings, help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.settings.file import SettingsFile
from localqwq.tui.screens.chat.state import ChatState, carry_out
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.transcript.transcript import Transcript

if TYPE_CHECKING:
    from textual.screen import Screen

    from localqwq.tui.session.session import Session


class ViewCommands:
    """Runs these commands."""

    def __init__(self, screen: Screen[None], state: ChatState, file: SettingsFile) -> None:
        """Set up; ``file``: the settings, where choices are stored."""
        self._screen = screen
        self._state = state
        self._file = file
        self.commands: dict[str, Callable[[Session], Awaitable[object]]] = {
            "new": lambda session: session.new(),
            "temporary": lambda session: session.begin_temporary(),
            "conversations": self._conversations,
            "thoughts": self._toggle_thoughts,
            "context": self._context,
            "pageup": self._page_up,
            "pagedown": self._page_down,
            "latest": self._go_to_end,
            "turns": self._switch_focus,
            "settings": self._settings,
            "own_settings": self._own_settings,
            "editor": self._editor,
            "help": self._help,
            "palette": self._palette,
            "theme": self._theme,
        }
        """Actions by command."""

    # Conversations

    async def _conversations(self, session: Session) -> None:
        from localqwq.tui.screens.conversations import Chosen, ConversationsScreen

        def left(chosen: Chosen | None) -> None:
            if chosen is not None:
                then = session.show(chosen.conversation, chosen.turn)
            else:
                then = session.reread()  # it may have been renamed, or edited elsewhere
            carry_out(self._screen, then)

        opened = session.conversation
        current = opened.id if opened else None
        screen = ConversationsScreen(session.records, current, session.answers)
        await self._screen.app.push_screen(screen, left)

    # Views

    async def _toggle_thoughts(self, session: Session) -> None:
        transcript = self._screen.query_one(Transcript)
        transcript.toggle_thoughts()
        self.keep("thinking.display", transcript.thought_display)

    async def _context(self, session: Session) -> None:
        from localqwq.tui.screens.context import ContextScreen

        if (gauge := self._state.gauge) is not None:
            keep = session.in_force.thinking.keep
            await self._screen.app.push_screen(
                ContextScreen(gauge.fill, gauge.limits, gauge.thought, keeps_thoughts=keep)
            )

    async def _page_up(self, session: Session) -> None:
        self._screen.query_one(Transcript).scroll_page_up(animate=False)

    async def _page_down(self, session: Session) -> None:
        self._screen.query_one(Transcript).scroll_page_down(animate=False)

    async def _go_to_end(self, session: Session) -> None:
        await self._screen.query_one(Transcript).go_to_end()

    async def _switch_focus(self, session: Session) -> None:
        transcript = self._screen.query_one(Transcript)
        if transcript.has_focus:
            self._screen.set_focus(self._screen.query_one(Prompt))
        else:
            self._screen.set_focus(transcript, scroll_visible=False)

    # The app

    async def _settings(self, session: Session) -> None:
        from localqwq.tui.screens.settings import SettingsScreen

        await self._screen.app.push_screen(SettingsScreen(self._file))

    async def _own_settings(self, session: Session) -> None:
        from localqwq.tui.screens.settings import SettingsScreen

        if session.conversation is not None:
            own = session.conversation.settings
            await self._screen.app.push_screen(SettingsScreen(self._file, own))

    async def _editor(self, session: Session) -> None:
        from localqwq.tui.editor import edited

        prompt = self._screen.query_one(Prompt)
        try:
            prompt.fill(await edited(self._screen.app, prompt.text))
        except LocalqwqError as error:
            self._screen.notify(str(error), severity="warning", markup=False)
        self._screen.set_focus(prompt)

    async def _help(self, session: Session) -> None:
        from localqwq.tui.screens.help import HelpScreen

        await self._screen.app.push_screen(HelpScreen(self._state.own_keys))

    async def _palette(self, session: Session) -> None:
        self._screen.app.action_command_palette()

    async def _theme(self, session: Session) -> None:
        from textual.command import CommandPalette

        from localqwq.tui.commands.palette import ThemeProvider

        palette = CommandPalette([ThemeProvider], placeholder="Search for a theme…")
        await self._screen.app.push_screen(palette)

    def keep(self, key: str, value: object) -> None:
        """Store a choice in the settings file."""
        self._screen.run_worker(self._kept(key, value), group="keep")

    async def _kept(self, key: str, value: object) -> None:
        try:
            settings = await asyncio.to_thread(self._file.change, key, value)
        except LocalqwqError as error:
            self._screen.notify(str(error), severity="warning", markup=False)
        else:
            self._screen.query_one(Notice).tell("settings", self._file.trouble)
            if self._state.session is not None:
                self._state.session.settings = settings
