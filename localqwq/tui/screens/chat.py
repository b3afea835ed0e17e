"""The chat: a transcript above a prompt, and the ways to everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from localqwq.errors import LocalqwqError
from localqwq.tui.beat import Beat
from localqwq.tui.commands.bindings import bindings
from localqwq.tui.commands.palette import CommandProvider
from localqwq.tui.commands.table import COMMANDS, NAMES
from localqwq.tui.keyboard.queue import hold
from localqwq.tui.screens.choosing import ChoosingScreen
from localqwq.tui.widgets.aside import Aside
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.context_bar import Legend
from localqwq.tui.widgets.keys import KeyLine
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine
from localqwq.tui.widgets.transcript.redraw_pace import REDRAW_SECONDS
from localqwq.tui.widgets.transcript.transcript import Transcript

if TYPE_CHECKING:
    from localqwq.settings.schema import Settings
    from localqwq.tui.session.session import Session


class ChatScreen(ChoosingScreen):
    """Draws what the session posts, and tells it what a person wants."""

    CSS_PATH = "chat.tcss"
    COMMANDS: ClassVar = {CommandProvider}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(),
        Binding("escape", "to_prompt", "To the prompt", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """The transcript takes what the prompt leaves."""
        yield Transcript()
        with Vertical(id="desk"):
            yield Notice()
            yield Composer([(name, COMMANDS[id_].help) for name, id_ in NAMES.items()])
            yield StatusLine()
            yield Legend()
            yield Aside()
            yield KeyLine()

    def on_mount(self) -> None:
        """Typing works from the first moment."""
        self.query_one(Prompt).focus()
        self.beats.append(Beat(self, REDRAW_SECONDS, self._draw))

    def on_resize(self) -> None:
        """What is said in the status line depends on the width."""
        self.wake()

    def on_unmount(self) -> None:
        """Counts no more."""
        if self.gauge is not None:
            self.gauge.close()

    def begin(self, session: Session) -> None:
        """Opens a conversation and begins to load the model."""
        from localqwq.tui.session.context_gauge import ContextGauge

        self.session = session
        self.gauge = ContextGauge(session, self.gauge_changed, self.query_one(Composer).counted)
        self.query_one(Transcript).thought_display = session.settings.thinking.display
        self.run_worker(session.open())

    def on_paste(self, event: events.Paste) -> None:
        """A paste goes into the prompt, wherever the focus is."""
        prompt = self.query_one(Prompt)
        if self.focused is not prompt:
            self.set_focus(prompt)
            prompt.post_message(events.Paste(event.text))

    def on_key(self, event: events.Key) -> None:
        """Text goes into the prompt where nothing else is focused that has a use for it."""
        aside = not isinstance(self.focused, Prompt | Transcript)
        if aside and event.is_printable and event.key not in self.active_bindings:
            event.stop()
            prompt = self.query_one(Prompt)
            self.set_focus(prompt)
            prompt.insert(event.character or "")

    def _draw(self) -> bool:
        """Draws what has come; whether more is to come."""
        goes_on = self.is_answering
        if self.query_one(Transcript).draw() or not goes_on:
            self.draw_numbers()
        return goes_on

    def apply(self, settings: Settings) -> None:
        """The settings are these from now on."""
        if self.session is not None and self.gauge is not None:
            self.session.settings = settings
            self.query_one(Transcript).thought_display = self.session.in_force.thinking.display
            if not self.is_answering:
                self.gauge.rest()
            self.wake()

    def empty_prompt(self) -> bool:
        """Empties the prompt, whose text is among the earlier ones then; whether it had any."""
        prompt = self.query_one(Prompt)
        if prompt.text.strip():
            prompt.take()
            return True
        return False

    def action_to_prompt(self) -> None:
        """Goes back to typing."""
        self.query_one(Prompt).focus()

    # Conversations

    async def _do_new(self, session: Session) -> None:
        await session.new()

    async def _do_temporary(self, session: Session) -> None:
        await session.begin_temporary()

    async def _do_conversations(self, session: Session) -> None:
        from localqwq.tui.screens.conversations import Chosen, ConversationsScreen

        def left(chosen: Chosen | None) -> None:
            if chosen is not None:
                then = session.show(chosen.conversation, chosen.turn)
            else:
                then = session.reread()  # it may have been renamed, or edited elsewhere
            hold(self, self._carry_out(then))

        opened = session.conversation
        current = opened.id if opened else None
        screen = ConversationsScreen(session.records, current, session.answers)
        await self.app.push_screen(screen, left)

    # Views

    async def _do_thoughts(self, session: Session) -> None:
        transcript = self.query_one(Transcript)
        transcript.toggle_thoughts()
        self._keep("thinking.display", transcript.thought_display)

    async def _do_context(self, session: Session) -> None:
        from localqwq.tui.screens.context import ContextScreen

        if self.gauge is not None:
            keep = session.in_force.thinking.keep
            fill, limits = self.gauge.fill, self.gauge.limits
            await self.app.push_screen(
                ContextScreen(fill, limits, self.gauge.thought, keeps_thoughts=keep)
            )

    async def _do_pageup(self, session: Session) -> None:
        self.query_one(Transcript).scroll_page_up(animate=False)

    async def _do_pagedown(self, session: Session) -> None:
        self.query_one(Transcript).scroll_page_down(animate=False)

    async def _do_latest(self, session: Session) -> None:
        await self.query_one(Transcript).go_to_end()

    async def _do_turns(self, session: Session) -> None:
        transcript = self.query_one(Transcript)
        if transcript.has_focus:
            self.action_to_prompt()
        else:
            transcript.focus(scroll_visible=False)

    # The app

    async def _do_settings(self, session: Session) -> None:
        from localqwq.tui.screens.settings import SettingsScreen

        await self.app.push_screen(SettingsScreen(self._file))

    async def _do_own_settings(self, session: Session) -> None:
        from localqwq.tui.screens.settings import SettingsScreen

        if session.conversation is not None:
            await self.app.push_screen(SettingsScreen(self._file, session.conversation.settings))

    async def _do_editor(self, session: Session) -> None:
        from localqwq.tui.editor import edited

        prompt = self.query_one(Prompt)
        try:
            prompt.fill(await edited(self.app, prompt.text))
        except LocalqwqError as error:
            self.notify(str(error), severity="warning", markup=False)
        prompt.focus()

    async def _do_help(self, session: Session) -> None:
        from localqwq.tui.screens.help import HelpScreen

        await self.app.push_screen(HelpScreen(self.own_keys))

    async def _do_palette(self, session: Session) -> None:
        self.app.action_command_palette()

    async def _do_theme(self, session: Session) -> None:
        from textual.command import CommandPalette

        from localqwq.tui.commands.palette import ThemeProvider

        palette = CommandPalette([ThemeProvider], placeholder="Search for a theme…")
        await self.app.push_screen(palette)

    @property
    def own_keys(self) -> Mapping[str, str]:
        """The keys that the person chose, by command."""
        return self.session.settings.keys if self.session else {}

    def use_theme(self, name: str) -> None:
        """Changes the colours, now and for later."""
        self.app.theme = name
        self._keep("appearance.theme", name)

    @work(group="keep")
    async def _keep(self, key: str, value: object) -> None:
        """Writes something that was chosen into the settings' file."""
        try:
            settings = await asyncio.to_thread(self._file.change, key, value)
        except LocalqwqError as error:
            self.notify(str(error), severity="warning", markup=False)
        else:
            self.tell("settings", self._file.trouble)
            if self.session is not None:
                self.session.settings = settings
