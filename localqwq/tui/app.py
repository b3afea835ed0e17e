"""The terminal app: colours, one screen, one session."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from textual import events, on
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.errors import NoWidget
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import MountError
from textual.widgets import Input, TextArea
from textual.worker import WorkerFailed

from localqwq.locations import settings_file
from localqwq.settings.file import SettingsFile
from localqwq.tui.commands.bindings import bindings_everywhere
from localqwq.tui.commands.palette import PageProvider
from localqwq.tui.commands.table import (
    COMMANDS,
    LEADER,
    LEAVING,
    TABLE,
    Command,
    keys,
    shown,
)
from localqwq.tui.keyboard.leader import Leader
from localqwq.tui.keyboard.pastes import as_text
from localqwq.tui.keyboard.queue import InputQueue
from localqwq.tui.keyboard.typed_ahead import TypedAhead
from localqwq.tui.screens.chat.screen import ChatScreen
from localqwq.tui.screens.chat.state import Ready
from localqwq.tui.session.messages import Unstored
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.terminal.attention import Attention, sequence
from localqwq.tui.terminal.harmless import Harmless
from localqwq.tui.terminal.repaint import Picture
from localqwq.tui.themes import DEFAULT, PLACEHOLDERS, register_themes, use_theme
from localqwq.tui.widgets.notice import Notice, Severity

if TYPE_CHECKING:
    from textual.driver import Driver

    from localqwq.settings.schema import Settings
    from localqwq.tui.screens.settings import SettingsScreen
    from localqwq.tui.session.beginning import Beginning
    from localqwq.tui.session.models import Model
    from localqwq.tui.session.session import Session
    from localqwq.tui.session.supply import Supply

WATCH_SECONDS = 2.0
"""Between two looks at the settings' file."""
WAIT = "One moment: what you type comes after what was begun before it."

BEHIND_THE_FIRST_FRAME = (
    "localqwq.tui.session.session",
    "localqwq.tui.session.context_gauge",
    "localqwq.tui.text.markdown.document",
)
PAGES = tuple(
    f"localqwq.tui.screens.{name}" for name in ("conversations", "models", "settings", "help")
)
"""Modules that are imported when all else is there, so that no page is slow at first."""


@runtime_checkable
class Rereading(Protocol):
    """A screen that shows what is in the settings' file."""

    def reread(self) -> None:
        """The file has changed."""


@runtime_checkable
class Page(Protocol):
    """A screen above the chat that its command opens, and closes again."""

    COMMAND: ClassVar[str]

    def action_leave(self) -> AwaitComplete | None:
        """Goes back to what is below; None where something was ended first."""


class ChatApp(App[str]):
    """Draws first; reads the settings, opens the conversation and loads the model afterwards.

    `run` returns a sentence when the app ended because there is no model to talk with.
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
        """A chat with `model`, kept in the file `conversations`; `supply` has others."""
        super().__init__()
        self.typed_ahead = typed_ahead or TypedAhead()
        """How the terminal was before, and what was typed there."""
        self._model = model
        self._conversations = conversations
        self._beginning = beginning
        self._supply = supply
        self._harmless = Harmless()
        self.picture = Picture()
        """What the terminal shows; the driver writes only what differs from it."""
        self.settings_file = settings or SettingsFile(settings_file(), patient=True)
        """What can be set, and is read again after each change."""
        self.left: list[str] = []
        """Sentences about what could not be written, to be said when the app has ended."""
        self.keyboard = InputQueue(self, self._deliver, self._quits, self._say_wait)
        """What is typed, pasted and clicked, in the order in which it came."""
        self._input: asyncio.Task[None] | None = None
        self._leader = Leader(self, self.everywhere, self.hint)
        self._asked, self._was_asked = False, False
        """Whether this key, and the one before, asked to leave."""
        self.failure: Exception | None = None
        """What has ended the app, where nobody meant to."""
        self.attention = Attention()
        self.session: Session | None = None
        self.chat: ChatScreen | None = None
        self._ended_with: int | None = None
        self._events: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._theme_problem = register_themes(self, self.settings_file.peek("appearance.theme"))

    def get_driver_class(self) -> type[Driver]:
        """The driver of this system; where it is Textual's for Linux, ours in its place."""
        found = super().get_driver_class()
        if found.__name__ == "LinuxDriver":
            from localqwq.tui.terminal.driver import TerminalDriver

            return TerminalDriver
        return found

    def on_resize(self) -> None:
        """Knows nothing any more of what the terminal shows, which it has laid out anew."""
        self.picture.forget()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own, and the one that lets nothing hidden through to the terminal."""
        return [*super().get_line_filters(), self._harmless]

    def on_mount(self) -> None:
        """Shows the screen, and begins once it has been painted."""
        self._events = asyncio.get_running_loop()
        if self._ended_with is not None:
            self._end(self._ended_with)
            return
        screen = self.chat = ChatScreen(self.settings_file, self._supply)
        self.push_screen(screen)
        screen.call_after_refresh(self._begin_beside, screen)

    def _begin_beside(self, screen: ChatScreen) -> None:
        """Begins in a task of its own: the screen waits for what is called after its refresh.

        What was typed before that has waited for a prompt to go into.
        """
        self._input = asyncio.create_task(self.keyboard.run())
        self.run_worker(self._begin(screen))

    async def _begin(self, screen: ChatScreen) -> None:
        settings = await asyncio.to_thread(self._prepare)
        # All of this stays: to look through it for garbage now and then would hold up typing.
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
        self._warn()
        self.set_interval(WATCH_SECONDS, self._watch)
        await asyncio.to_thread(_import, PAGES)

    def _prepare(self) -> Settings:
        """Reads the settings, and imports what the first frame does without: typing waits for
        neither."""
        _import(BEHIND_THE_FIRST_FRAME)
        return self.settings_file.read()

    # Input

    async def on_event(self, event: events.Event) -> None:
        """Lines up what a person does; all else goes on at once."""
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
        """Tells something on a line of its own, where nothing is covered: toasts would be in the
        way of what is typed. It stays until it is read, whatever `timeout` says."""
        if (notice := self._notice()) is not None:
            notice.say(f"{title} {message}".strip(), severity)

    def hint(self, text: str) -> None:
        """Says something that the next key takes away again."""
        if (notice := self._notice()) is not None:
            notice.say(text, passing=True)

    def _notice(self) -> Notice | None:
        """The lines of the topmost screen that has some."""
        found = (screen.query(Notice) for screen in reversed(self.screen_stack))
        return next((notices.first() for notices in found if notices), None)

    def simulate_key(self, key: str) -> None:
        """Presses a key, before those that were pressed and wait."""
        self.keyboard.put_first(events.Key(key, None))

    async def _deliver(self, event: events.Event) -> None:
        """Hands on what a person does.

        A press of the mouse on what was removed, but is seen until the next layout, is dropped:
        Textual asks for the parent of what may be selected there, and ends the app without one.
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
        """What was about to be shown when the app was left is not shown any more."""
        if not (self._exit and isinstance(error, MountError)):
            super()._handle_exception(error)

    def _say_wait(self, waits: bool) -> None:
        """Says that keys wait, so that nobody wonders where they are."""
        if self.chat is not None:
            self.chat.tell("keys", WAIT if waits else "")

    def _quits(self, event: events.Event) -> bool:
        quits = keys(COMMANDS["quit"], self._own_keys).split(",")
        return isinstance(event, events.Key) and event.key in quits

    # Commands of all screens

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What a key does above the chat; in the chat, that has the same keys."""
        if action != "command":
            return True
        return self.can(str(parameters[0]), self.screen)

    def can(self, command: str, screen: Screen[Any]) -> bool:
        """Whether a command can be done while this screen is shown above the chat."""
        if self.chat is None or screen is self.chat:
            return False
        if command in (*LEAVING, "help", "palette"):
            return True
        return isinstance(screen, Page) and self.chat.is_possible(command)

    async def action_command(self, command: str) -> None:
        """Does what a key does in the chat; the page that is shown makes way for another one."""
        if self.chat is None:
            return
        if command == "palette":
            self.action_command_palette()
        elif not isinstance(self.screen, Page):
            self.chat.action_command(command)
        else:
            page = self.screen
            if command != "help" or page.COMMAND == "help":
                left = page.action_leave()
                if left is not None:
                    await left
            if command != page.COMMAND:
                self.chat.action_command(command)

    def everywhere(self, screen: Screen[Any]) -> Iterable[Command]:
        """The commands that can be done while this screen is shown above the chat."""
        return (one for one in TABLE if one.everywhere and self.can(one.id, screen))

    def action_command_palette(self) -> None:
        """Finds what can be done here by its name."""
        if self.screen is self.chat:
            super().action_command_palette()
        elif not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette([PageProvider]))

    async def action_interrupt(self) -> None:
        """Copies what is selected, else stops the answer, else empties the prompt, else leaves
        when it is asked to for the second time."""
        chat = self.chat
        if chat is None or self._was_asked:
            self.exit()
        elif text := self._selected():
            chat.copy(text)
        elif chat.state.is_answering:
            chat.action_command("stop")
        elif self.screen is not chat:
            self.hint(f"{self._shown('quit')} leaves; esc goes back.")
        elif chat.empty_prompt():
            self.hint("↑ brings back what was there.")
        else:
            self._asked = True
            self.hint(f"{self._shown('interrupt')} once more leaves; everything is kept.")

    def _selected(self) -> str:
        """The text that is selected, wherever."""
        field = self.focused
        own = field.selected_text if isinstance(field, Input | TextArea) else ""
        return own or self.screen.get_selected_text() or ""

    def _shown(self, command: str) -> str:
        return shown(keys(COMMANDS[command], self._own_keys))

    @property
    def _own_keys(self) -> Mapping[str, str]:
        return self.session.settings.keys if self.session else {}

    # Who looks elsewhere

    def on_app_focus(self) -> None:
        """The terminal's window is in front."""
        self.attention.is_focused = True

    def on_app_blur(self) -> None:
        """It is not any more."""
        self.attention.is_focused = False

    @on(Ready)
    def _call_back(self, event: Ready) -> None:
        """Something is over; who looks elsewhere is called."""
        if self.session is None or not self.attention.is_wanted(event.seconds):
            return
        sent = sequence(event.sentence, self.session.settings.work.notify, os.environ)
        if sent and self._driver is not None:
            self._driver.write(sent)
            self._driver.flush()

    # Settings

    def on_settings_screen_changed(self, event: SettingsScreen.Changed) -> None:
        """Somebody changed the settings in the app."""
        self._apply(event.settings)
        self._tell_settings()
        use_theme(self, event.settings.appearance.theme)

    async def on_settings_screen_overridden(self, event: SettingsScreen.Overridden) -> None:
        """Somebody changed the settings of the conversation."""
        if self.session is not None:
            await self.session.set_overrides(event.values)
            self._apply(self.session.settings)

    async def _watch(self) -> None:
        """Takes over what somebody changed in the file, and writes what waits for that."""
        if self.settings_file.trouble:
            await asyncio.to_thread(self.settings_file.retry)
            self._tell_settings()
        if self.settings_file.is_changed():
            self._apply(await asyncio.to_thread(self.settings_file.read))
            theme = self.session.settings.appearance.theme if self.session else DEFAULT
            self._theme_problem = use_theme(self, theme)
            self._warn()
            for screen in self.screen_stack:
                if isinstance(screen, Rereading):
                    screen.reread()

    def _apply(self, settings: Settings) -> None:
        self.set_keymap(settings.keys)
        if self.chat is not None:
            self.chat.apply(settings)

    def _tell_settings(self) -> None:
        if self.chat is not None:
            self.chat.tell("settings", self.settings_file.trouble)

    def _warn(self) -> None:
        """Tells what is wrong with the settings."""
        from localqwq.tui.commands.key_names import key_problems

        settings = self.session.settings if self.session else None
        sentences = [self.settings_file.problem, self._theme_problem]
        for sentence in (*sentences, *(key_problems(settings.keys) if settings else ())):
            if sentence:
                self.notify(sentence, severity="warning", markup=False)

    # The end

    def end(self, code: int) -> None:
        """Ends the app with this exit code; what is being said is kept.

        May be called from other threads and in between anything, also before the app runs.
        """
        self._ended_with = code
        if self._events is not None:
            with suppress(RuntimeError):  # it has ended
                self._events.call_soon_threadsafe(self._end, code)

    def _end(self, code: int) -> None:
        # At once, since others may take their time to end, such as downloads.
        self._begin_to_leave()
        self.exit(return_code=code)

    def _fatal_error(self) -> None:
        """Ends the app after an exception that nobody expected.

        In the place of Textual's method, which shows a traceback with all values.
        """
        error = self._exception
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.failure = cause if isinstance(cause, Exception) else error
        self.panic()

    async def on_unmount(self) -> None:
        """Ends what the session started; what is being said is kept."""
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
