"""The terminal app: themes, one chat screen, one session."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import App
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.errors import NoWidget
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widgets import Input, TextArea
from textual.worker import WorkerFailed

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile
from localqwq.tui.commands.bindings import bindings_everywhere
from localqwq.tui.commands.palette import PageProvider
from localqwq.tui.commands.table import (
    COMMANDS,
    LEADER,
    Command,
    keys,
    shown,
)
from localqwq.tui.keyboard.leader import Leader
from localqwq.tui.keyboard.pastes import as_text
from localqwq.tui.keyboard.queue import InputQueue
from localqwq.tui.keyboard.typed_ahead import TypedAhead
from localqwq.tui.pages import Pages
from localqwq.tui.screens.chat.screen import ChatScreen
from localqwq.tui.screens.chat.state import Ready
from localqwq.tui.session.messages import Unstored
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.settings_watch import SettingsWatch
from localqwq.tui.terminal.attention import Attention, sequence
from localqwq.tui.terminal.harmless import Harmless
from localqwq.tui.terminal.repaint import Picture
from localqwq.tui.themes import PLACEHOLDERS
from localqwq.tui.widgets.notice import Notice, Severity
from localqwq.tui.work import misses_widget

if TYPE_CHECKING:
    from textual.driver import Driver

    from localqwq.settings.schema import Settings
    from localqwq.tui.screens.settings import SettingsScreen
    from localqwq.tui.session.beginning import Beginning
    from localqwq.tui.session.models import Model
    from localqwq.tui.session.session import Session
    from localqwq.tui.session.supply import Supply

WAIT = "One moment: what you type is handled after what came before it."

BEHIND_THE_FIRST_FRAME = (
    "localqwq.tui.session.session",
    "localqwq.tui.session.context_gauge",
    "localqwq.tui.text.markdown.document",
)
PAGES = tuple(
    f"localqwq.tui.screens.{name}" for name in ("conversations", "models", "settings", "help")
)
"""Modules imported once everything else is ready, so that pages open quickly."""


class ChatApp(App[str]):
    """The app. It draws first, and reads settings, conversation and model afterwards.

    ``run`` returns a sentence if the app ended because there is no model.
    """

    TITLE = "localqwq"
    COMMANDS: ClassVar = set()
    CSS = PLACEHOLDERS
    BINDINGS: ClassVar[list[BindingType]] = bindings_everywhere()

    def __init__(
        self,
        model: Model,
        conversations: Path,
        beginning: Beginning,
        settings: SettingsFile | None = None,
        supply: Supply | None = None,
        typed_ahead: TypedAhead | None = None,
    ) -> None:
        """Set up a chat with ``model``, stored in ``conversations``; ``supply`` has other
        models.
        """
        super().__init__()
        self.typed_ahead = typed_ahead or TypedAhead()
        """The terminal's former state, and what was typed there."""
        self._model = model
        self._conversations = conversations
        self._beginning = beginning
        self._supply = supply
        self._harmless = Harmless()
        self.picture = Picture()
        """What the terminal shows; the driver writes only differences."""
        self.settings_file = settings or SettingsFile(settings_file(), patient=True)
        """The settings file, read again after each change."""
        self.left: list[str] = []
        """Sentences about what could not be written, printed after the app has ended."""
        self.keyboard = InputQueue(self, self._deliver, self._quits, self._say_wait)
        """Typed, pasted and clicked input, in order."""
        self._input: asyncio.Task[None] | None = None
        self._leader = Leader(self, self.everywhere, self.hint)
        self._asked, self._was_asked = False, False
        """Whether this key, and the one before, asked to quit."""
        self.failure: Exception | None = None
        """The error that ended the app, if any."""
        self.attention = Attention()
        self.session: Session | None = None
        self.chat: ChatScreen | None = None
        self._ended_with: int | None = None
        self._events: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._pages = Pages(self, lambda: self.chat)
        self._settings = SettingsWatch(self, self.settings_file, lambda: self.chat)

    def get_driver_class(self) -> type[Driver]:
        """Return this system's driver, with our own replacing Textual's for Linux."""
        found = super().get_driver_class()
        if found.__name__ == "LinuxDriver":
            from localqwq.tui.terminal.driver import TerminalDriver

            return TerminalDriver
        return found

    def on_resize(self) -> None:
        """Forget what the terminal shows, since it has re-laid it out."""
        self.picture.forget()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters, and the one that keeps hidden characters from the terminal."""
        return [*super().get_line_filters(), self._harmless]

    def on_mount(self) -> None:
        """Show the screen, and begin once it has been painted."""
        self._events = asyncio.get_running_loop()
        if self._ended_with is not None:
            self._end(self._ended_with)
            return
        screen = self.chat = ChatScreen(self.settings_file, self._supply)
        self.push_screen(screen)
        screen.call_after_refresh(self._begin_beside, screen)

    def _begin_beside(self, screen: ChatScreen) -> None:
        """Begin in a separate task: the screen waits for callbacks after its refresh.

        Text typed before that has been waiting for a prompt.
        """
        self._input = asyncio.create_task(self.keyboard.run())
        self.run_worker(self._begin(screen))

    async def _begin(self, screen: ChatScreen) -> None:
        settings = await asyncio.to_thread(self._prepare)
        # All of this is permanent: scanning it for garbage would delay typing.
        gc.freeze()
        gc.enable()
        from localqwq.tui.session.session import Session

        self.set_keymap(settings.keys)
        self.session = Session(
            StoreThread(self._conversations, lambda said: screen.take(Unstored(said))),
            self._model,
            screen.take,
            self._beginning,
            settings,
        )
        screen.begin(self.session)
        self._settings.begin(settings)
        await asyncio.to_thread(_import, PAGES)

    def _prepare(self) -> Settings:
        """Read the settings, and import what the first frame does not need, without delaying
        typing.
        """
        _import(BEHIND_THE_FIRST_FRAME)
        return self.settings_file.read()

    # Input

    async def on_event(self, event: events.Event) -> None:
        """Queue a person's input; handle everything else at once."""
        if isinstance(event, events.InputEvent | events.Paste) and not event.is_forwarded:
            self.keyboard.put(event)
        else:
            await super().on_event(event)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Severity = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a message on its own line, where it covers nothing; a toast would cover the prompt.
        It stays until it is read, regardless of ``timeout``.
        """
        if (notice := self._notice()) is not None:
            notice.say(f"{title} {message}".strip(), severity)

    def hint(self, text: str) -> None:
        """Show a hint until the next key."""
        if (notice := self._notice()) is not None:
            notice.say(text, passing=True)

    def _notice(self) -> Notice | None:
        """Return the notice lines of the topmost screen that has some."""
        found = (screen.query(Notice) for screen in reversed(self.screen_stack))
        return next((notices.first() for notices in found if notices), None)

    def simulate_key(self, key: str) -> None:
        """Press a key ahead of those that are waiting."""
        self.keyboard.put_first(events.Key(key, None))

    async def _deliver(self, event: events.Event) -> None:
        """Pass on a person's input.

        Mouse presses on widgets that were removed but remain visible until the next layout are
        dropped: Textual asks for the parent of what may be selected there, and crashes without one.
        """
        if isinstance(event, events.MouseDown):
            with suppress(NoWidget):
                if not self.screen.get_widget_at(event.x, event.y)[0].is_attached:
                    return
        elif isinstance(event, events.Paste):
            event = events.Paste(as_text(event.text))
        elif isinstance(event, events.Key):
            for notice in self.screen.query(Notice):
                notice.key()
            self._asked, self._was_asked = False, self._asked
            if not any(LEADER in own.split(",") for own in self._own_keys.values()):
                chord = self._leader.key(event, selected=bool(self._selected()))
                if chord is None:
                    return
                event = chord
        try:
            await super().on_event(event)
        except Exception as error:
            self._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        """Ignore what is missing because the app was left."""
        if not (self._exit and misses_widget(error)):
            super()._handle_exception(error)

    def _say_wait(self, waits: bool) -> None:
        """Show or hide that keys are waiting, so that nobody wonders where they are."""
        if self.chat is not None:
            self.chat.tell("keys", WAIT if waits else "")

    def _quits(self, event: events.Event) -> bool:
        quits = keys(COMMANDS["quit"], self._own_keys).split(",")
        return isinstance(event, events.Key) and event.key in quits

    # Commands of all screens

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key acts above the chat; in the chat, the same keys belong to it."""
        if action != "command":
            return True
        return self._pages.can(str(parameters[0]), self.screen)

    async def action_command(self, command: str) -> None:
        """Run a command of the chat, closing the page that is shown if necessary."""
        await self._pages.run(command)

    def everywhere(self, screen: Screen[Any]) -> Iterable[Command]:
        """Return the commands that are possible while this screen is above the chat."""
        return self._pages.commands(screen)

    def action_command_palette(self) -> None:
        """Open the palette of the commands that are possible here."""
        if self.screen is self.chat:
            super().action_command_palette()
        elif not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette([PageProvider]))

    async def action_interrupt(self) -> None:
        """Copy the selection, else stop the answer, else clear the prompt, else quit at the second
        time.
        """
        chat = self.chat
        if chat is None or self._was_asked:
            self.exit()
        elif text := self._selected():
            chat.copy(text)
        elif chat.state.is_answering:
            chat.action_command("stop")
        elif self.screen is not chat:
            self.hint(f"{self._shown('quit')} quits; esc goes back.")
        elif chat.empty_prompt():
            self.hint("↑ restores the text.")
        else:
            self._asked = True
            self.hint(f"{self._shown('interrupt')} again quits; everything is saved.")

    def _selected(self) -> str:
        """Return the selected text, wherever it is."""
        field = self.focused
        own = field.selected_text if isinstance(field, Input | TextArea) else ""
        return own or self.screen.get_selected_text() or ""

    def _shown(self, command: str) -> str:
        return shown(keys(COMMANDS[command], self._own_keys))

    @property
    def _own_keys(self) -> Mapping[str, str]:
        return self.session.settings.keys if self.session else {}

    @property
    def alt_keys(self) -> frozenset[str]:
        """The keys with Alt that the person chose; those of the app are no characters."""
        chosen = (key for own in self._own_keys.values() for key in own.split(","))
        return frozenset(key.strip() for key in chosen if key.strip().startswith("alt+"))

    # Attention

    def on_app_focus(self) -> None:
        """Note that the terminal's window has the focus."""
        self.attention.is_focused = True

    def on_app_blur(self) -> None:
        """Note that the terminal's window lost the focus."""
        self.attention.is_focused = False

    @on(Ready)
    def _call_back(self, event: Ready) -> None:
        """Notify a person who is elsewhere that something is ready."""
        if self.session is None or not self.attention.is_wanted(event.seconds):
            return
        sent = sequence(event.sentence, self.session.settings.work.notify, os.environ)
        if sent and self._driver is not None:
            self._driver.write(sent)
            self._driver.flush()

    # Settings

    def on_settings_screen_changed(self, event: SettingsScreen.Changed) -> None:
        """Apply settings changed in the app."""
        self._settings.changed(event.settings)

    async def on_settings_screen_overridden(self, event: SettingsScreen.Overridden) -> None:
        """Apply the conversation's changed settings."""
        if self.session is not None:
            await self.session.set_overrides(event.values)
            self._settings.apply(self.session.settings)

    # The end

    def end(self, code: int) -> None:
        """End the app with this exit code, keeping the current answer.

        Thread-safe; may be called at any time, also before the app runs.
        """
        self._ended_with = code
        if self._events is not None:
            with suppress(RuntimeError):  # it has ended
                self._events.call_soon_threadsafe(self._end, code)

    def _end(self, code: int) -> None:
        # At once, since other tasks, such as downloads, may take time to end.
        self._begin_to_leave()
        self.exit(return_code=code)

    def _fatal_error(self) -> None:
        """End the app after an unexpected exception.

        Replaces Textual's method, which shows a traceback with all values.
        """
        error = self._exception
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.failure = cause if isinstance(cause, Exception) else error
        self.panic()

    async def on_unmount(self) -> None:
        """End what the session started, keeping the current answer."""
        if self._input is not None:
            self._input.cancel()
        await self._begin_to_leave()

    def _begin_to_leave(self) -> asyncio.Task[None]:
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave())
        return self._leaving

    async def _leave(self) -> None:
        await asyncio.to_thread(self.settings_file.retry)
        session = await self.session.close() if self.session is not None else ""
        self.left = [one for one in (session, self.settings_file.left()) if one]


def _import(modules: Iterable[str]) -> None:
    for module in modules:
        import_module(module)
