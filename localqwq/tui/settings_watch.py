"""The settings file of a running app: its changes are applied, and its problems shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual.app import App

from localqwq.settings.file import SettingsFile
from localqwq.tui.themes import register_themes, use_theme

if TYPE_CHECKING:
    from localqwq.settings.schema import Settings
    from localqwq.tui.screens.chat.screen import ChatScreen

WATCH_SECONDS = 2.0
"""Seconds between two checks of the file."""


@runtime_checkable
class Rereading(Protocol):
    """A screen that shows the content of the settings file."""

    def reread(self) -> None:
        """Handle a change of the file."""


class SettingsWatch:
    """Applies the settings to an app: its keys, its theme and its chat."""

    def __init__(
        self, app: App[Any], file: SettingsFile, chat: Callable[[], ChatScreen | None]
    ) -> None:
        """Set the theme; ``chat`` returns the chat's screen once there is one."""
        self._app = app
        self._file = file
        self._chat = chat
        self._theme_problem = register_themes(app, file.peek("appearance.theme"))

    def begin(self, settings: Settings) -> None:
        """Show what is wrong with the first settings, and watch the file from now on."""
        self._warn(settings)
        self._app.set_interval(WATCH_SECONDS, self._look)

    def changed(self, settings: Settings) -> None:
        """Apply settings that were changed in the app."""
        self.apply(settings)
        self._tell()
        use_theme(self._app, settings.appearance.theme)

    def apply(self, settings: Settings) -> None:
        """Apply settings, except for the theme."""
        self._app.set_keymap(settings.keys)
        if (chat := self._chat()) is not None:
            chat.apply(settings)

    async def _look(self) -> None:
        """Apply changes to the file, and write pending ones."""
        if self._file.trouble:
            await asyncio.to_thread(self._file.retry)
            self._tell()
        if self._file.is_changed():
            settings = await asyncio.to_thread(self._file.read)
            self.apply(settings)
            self._theme_problem = use_theme(self._app, settings.appearance.theme)
            self._warn(settings)
            for screen in self._app.screen_stack:
                if isinstance(screen, Rereading):
                    screen.reread()

    def _tell(self) -> None:
        if (chat := self._chat()) is not None:
            chat.tell("settings", self._file.trouble)

    def _warn(self, settings: Settings) -> None:
        """Show what is wrong with the settings."""
        from localqwq.tui.commands.key_names import key_problems

        for sentence in (self._file.problem, self._theme_problem, *key_problems(settings.keys)):
            if sentence:
                self._app.notify(sentence, severity="warning", markup=False)
