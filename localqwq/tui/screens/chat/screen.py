"""The chat screen: a transcript above a prompt, and access to everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen

from localqwq.settings.file import SettingsFile
from localqwq.tui.beat import Beat
from localqwq.tui.commands.bindings import bindings
from localqwq.tui.commands.palette import CommandProvider
from localqwq.tui.commands.table import COMMANDS, LEAVING, NAMES, TABLE
from localqwq.tui.screens.chat.drawing import Drawing
from localqwq.tui.screens.chat.model_commands import TICK_SECONDS, ModelCommands
from localqwq.tui.screens.chat.sending import Sending
from localqwq.tui.screens.chat.state import ChatState, carry_out
from localqwq.tui.screens.chat.tool_commands import ToolCommands
from localqwq.tui.screens.chat.turn_commands import TurnCommands, copy_text
from localqwq.tui.screens.chat.view_commands import ViewCommands
from localqwq.tui.session.messages import ModelReady, Report
from localqwq.tui.session.supply import Supply
from localqwq.tui.widgets.aside import Aside
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.context_bar import ContextBar, Legend
from localqwq.tui.widgets.keys import KeyLine
from localqwq.tui.widgets.notice import Matter, Notice
from localqwq.tui.widgets.permission import PermissionLine
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine
from localqwq.tui.widgets.transcript.redraw_pace import REDRAW_SECONDS
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.tui.widgets.transcript.welcome import Example, Welcome

if TYPE_CHECKING:
    from localqwq.settings.schema import Settings
    from localqwq.tui.session.session import Session


@dataclass
class Reported(Message):
    """The session has reported something."""

    report: Report


class ChatScreen(Screen[None]):
    """Draws the session's reports, and passes on a person's wishes."""

    CSS_PATH = "chat.tcss"
    COMMANDS: ClassVar = {CommandProvider}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(),
        Binding("escape", "to_prompt", "To the prompt", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def __init__(self, file: SettingsFile, supply: Supply | None = None) -> None:
        """Set up; ``file``: the settings, where choices are stored; without ``supply`` there is no
        choice.
        """
        super().__init__()
        self.state = ChatState()
        self._drawing = Drawing(self, self.state)
        self._sending = Sending(self, self.state)
        self._turns = TurnCommands(self, self.state)
        self._models = ModelCommands(self, self.state, file, supply)
        self._views = ViewCommands(self, self.state, file)
        self._tools = ToolCommands(self, self.state)
        self.commands = self._turns.commands | self._models.commands | self._views.commands
        """The action of each command, except those that take the text typed after their name."""
        self.with_text = self._turns.with_text | self._tools.with_text
        """The actions of those."""

    def compose(self) -> ComposeResult:
        """Give the transcript the space that the prompt leaves."""
        yield Transcript()
        with Vertical(id="desk"):
            yield Notice()
            yield PermissionLine()
            yield Composer([(name, COMMANDS[id_].help) for name, id_ in NAMES.items()])
            yield StatusLine()
            yield Legend()
            yield Aside()
            yield KeyLine()

    def on_mount(self) -> None:
        """Focus the prompt, so that typing works from the first moment."""
        self.set_focus(self.query_one(Prompt))
        permission = self.query_one(PermissionLine)
        self.query_one(Composer).first_key = permission.offered
        permission.gets_keys = self._answers_by_key
        self.watch(self, "focused", permission.look, init=False)
        self.state.beats.append(Beat(self, REDRAW_SECONDS, self._draw))
        self.state.beats.append(Beat(self, TICK_SECONDS, self._models.tick))

    def on_resize(self) -> None:
        """Update the status line, whose content depends on the width."""
        self.state.wake()

    async def on_unmount(self) -> None:
        """Stop counting, and pause downloads."""
        if self.state.gauge is not None:
            self.state.gauge.close()
        await self._models.close()

    def begin(self, session: Session) -> None:
        """Open a conversation and start loading the model."""
        from localqwq.tui.session.context_gauge import ContextGauge
        from localqwq.tui.session.server_texts import ServerTexts

        state, counted = self.state, self.query_one(Composer).counted
        state.session = session
        self.query_one(Composer).servers = ServerTexts(session)
        state.gauge = ContextGauge(session, state.gauge_changed, counted)
        self.query_one(Transcript).thought_display = session.settings.thinking.display
        self.run_worker(session.open())

    # The session's reports

    def take(self, report: Report) -> None:
        """Receive a report; it is drawn as soon as it has been handled."""
        self.post_message(Reported(report))
        self.call_later(self.state.wake)

    @on(Reported)
    async def _reported(self, event: Reported) -> None:
        await self._drawing.hear(event.report)
        if isinstance(event.report, ModelReady):
            self._models.look(event.report)

    @on(Transcript.Grew)
    def _grew(self, event: Transcript.Grew) -> None:
        self._drawing.grew(event)

    @on(Welcome.Shown)
    def _introduce(self) -> None:
        self._models.introduce()

    def tell(self, about: Matter, sentence: str) -> None:
        """Show a sentence above the prompt until an empty one ends it."""
        self._drawing.tell(about, sentence)

    # Keys and clicks

    def on_paste(self, event: events.Paste) -> None:
        """Insert a paste into the prompt, wherever the focus is."""
        prompt = self.query_one(Prompt)
        if self.focused is not prompt:
            self.set_focus(prompt)
            prompt.post_message(events.Paste(event.text))

    def on_key(self, event: events.Key) -> None:
        """Insert text into the prompt if no other focused widget uses it."""
        aside = not isinstance(self.focused, Prompt | Transcript)
        if aside and event.is_printable and event.key not in self.active_bindings:
            event.stop()
            prompt = self.query_one(Prompt)
            self.set_focus(prompt)
            prompt.insert(event.character or "")

    @on(Composer.Submitted)
    def _submit(self, event: Composer.Submitted) -> None:
        self._sending.submit(event.text, event.attachments)

    @on(Composer.Called)
    def _called(self, event: Composer.Called) -> None:
        self.action_command(NAMES[event.command], event.argument)

    @on(Composer.Edited)
    @on(Composer.Attached)
    def _typed(self) -> None:
        self._sending.typed()
        self.query_one(PermissionLine).look()

    def _answers_by_key(self) -> bool:
        """Return whether the question gets keys: has the focus, or an empty prompt offers them."""
        if isinstance(self.focused, Prompt):
            return self.query_one(Composer).is_empty
        return self.focused is self.query_one(PermissionLine)

    @on(PermissionLine.Answered)
    def _decided(self, event: PermissionLine.Answered) -> None:
        if self.state.session is not None:
            self.state.session.answers.decide(event.decision)

    @on(PermissionLine.Left)
    def _left(self) -> None:
        self.action_to_prompt()

    @on(Example.Chosen)
    def _try(self, event: Example.Chosen) -> None:
        self._sending.ask(event.text)

    @on(ContextBar.Asked)
    @on(Legend.Asked)
    def _ask_context(self) -> None:
        self.action_command("context")

    @on(Transcript.Wanted)
    def _wanted(self, event: Transcript.Wanted) -> None:
        event.stop()
        self._turns.wanted(event)

    def action_copy_text(self) -> None:
        """Copy the mouse selection, and say what happened."""
        text = self.get_selected_text()
        if text is None:
            raise SkipAction
        self.copy(text)

    @on(Prompt.Copied)
    def _copied(self, event: Prompt.Copied) -> None:
        self.copy(event.text)

    def copy(self, text: str) -> None:
        """Copy a text, and say what happened."""
        copy_text(self, text)

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a command is shown and can be run now."""
        return self.is_possible(str(parameters[0])) if action == "command" else True

    def is_possible(self, command: str) -> bool:
        """Return whether a command is possible now."""
        for part in (self._models, self._turns):
            if (possible := part.is_possible(command)) is not None:
                return possible
        return True

    def action_command(self, command: str, argument: str = "") -> None:
        """Run a command; ``argument`` is the text typed after its name.

        Later input waits until that is done.
        """
        if command in LEAVING:
            self.run_worker(self.run_action(COMMANDS[command].action))
        elif command in COMMANDS:
            carry_out(self, self._command(command, argument))

    async def _command(self, command: str, argument: str) -> None:
        await self.state.opened.wait()
        session = self.state.session
        if session is None:
            return
        if not self.is_possible(command):
            self.notify(f"/{command} is not possible right now.", severity="warning")
        elif command in self.with_text:
            await self.with_text[command](session, argument)
        else:
            await self.commands[command](session)

    # Drawing

    def _draw(self) -> bool:
        """Draw what has arrived; return whether more is to come."""
        goes_on = self.state.is_answering
        if self.query_one(Transcript).draw() or not goes_on:
            self._drawing.numbers(self._offered)
        return goes_on

    def _offered(self) -> tuple[str, ...]:
        return tuple(one.id for one in TABLE if one.footer and self.is_possible(one.id))

    def apply(self, settings: Settings) -> None:
        """Apply changed settings."""
        session, gauge = self.state.session, self.state.gauge
        if session is not None and gauge is not None:
            session.settings = settings
            self.query_one(Transcript).thought_display = session.in_force.thinking.display
            if not self.state.is_answering:
                gauge.rest()
            self.state.wake()

    def empty_prompt(self) -> bool:
        """Clear the prompt, adding its text to the history; return whether there was any."""
        prompt = self.query_one(Prompt)
        if prompt.text.strip():
            prompt.take()
            return True
        return False

    def action_to_prompt(self) -> None:
        """Focus the prompt."""
        self.set_focus(self.query_one(Prompt))

    @property
    def own_keys(self) -> Mapping[str, str]:
        """The keys that the person chose, by command."""
        return self.state.own_keys

    def use_theme(self, name: str) -> None:
        """Set the theme permanently."""
        self.app.theme = name
        self._views.keep("appearance.theme", name)
