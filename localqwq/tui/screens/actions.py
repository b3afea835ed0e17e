"""The half of the chat's screen that does what commands, keys and turns ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.actions import SkipAction

from localqwq.conversations.turns import Attachment, Turn
from localqwq.tui.commands.table import COMMANDS, LEAVING, NAMES
from localqwq.tui.keyboard.queue import hold
from localqwq.tui.screens.reports import ReportingScreen
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.context_bar import ContextBar, Legend
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.tui.widgets.transcript.welcome import Example

if TYPE_CHECKING:
    from localqwq.tui.session.session import Session

LONGER = 2048
"""Tokens that a thought gets when it is to go on, unless a person names a number."""


class ActingScreen(ReportingScreen):
    """Every command of `localqwq.tui.commands.table` has a method here, named after it."""

    _doubted: tuple[str, tuple[Attachment, ...]] | None = None
    """What somebody was asked about before it is sent."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A command whose moment it is not is neither shown nor run."""
        return self.is_possible(str(parameters[0])) if action == "command" else True

    def is_possible(self, command: str) -> bool:
        """Whether a command makes sense now."""
        last = self._last_answer
        match command:
            case "stop":
                return self.is_answering
            case "answer_now":
                return self.is_thinking
            case "think_longer":
                return self.is_thinking and (self.is_limited or self.is_answer_wanted)
            case "regenerate" | "edit" | "remove":
                return bool(self._path) and not self.is_answering
            case "older" | "newer":
                return self._forked is not None and not self.is_answering
            case "continue" | "edit_answer" | "copy":
                return last is not None and not self.is_answering
            case "undo":
                return self.session is not None and self.session.has_removed
            case "own_settings":
                return bool(self._path)
            case "edit_thought" | "copy_thought" | "think_on":
                return last is not None and bool(last.thought) and not self.is_answering
        return True

    def action_command(self, command: str, argument: str = "") -> None:
        """Does what the table of commands says; `argument`: what was typed behind its name.

        What is typed after it waits until that is done.
        """
        if command in LEAVING:
            self.run_worker(self.run_action(COMMANDS[command].action))
        elif command in COMMANDS:
            hold(self, self._command(command, argument))

    @work(group="commands")
    async def _command(self, command: str, argument: str) -> None:
        await self._opened_one.wait()
        if self.session is None:
            return
        if not self.is_possible(command):
            self.notify(f"/{command} makes no sense at this moment.", severity="warning")
        elif command == "think_longer":
            await self._do_think_longer(self.session, argument)
        else:
            await getattr(self, f"_do_{command}")(self.session)

    # The prompt

    @on(Composer.Submitted)
    def _submit(self, event: Composer.Submitted) -> None:
        doubt = self.gauge.doubt(event.text, event.attachments) if self.gauge else ""
        if self.is_answering:
            self.notify("The answer before is still being written; Escape stops it.")
        elif doubt and (event.text, event.attachments) != self._doubted:
            self._doubted = (event.text, event.attachments)
            self.notify(doubt, severity="warning", markup=False)
        else:
            self._doubted = None
            hold(self, self._send(*self.query_one(Composer).take()))

    @work(group="commands")
    async def _send(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        """Sends a prompt, as soon as there is a conversation to send it in."""
        await self._opened_one.wait()
        if self.session is not None and not await self.session.send(text, attachments):
            self.query_one(Composer).put(text, attachments)

    @on(Composer.Called)
    def _called(self, event: Composer.Called) -> None:
        self.action_command(NAMES[event.command], event.argument)

    @on(Composer.Edited)
    @on(Composer.Attached)
    def _typed(self) -> None:
        prompt = self.query_one(Prompt)
        text = prompt.text
        if self.session is not None and self.gauge is not None:
            attachments = self.query_one(Composer).attachments
            self.session.note_draft(prompt.unsent, attachments)
            self.gauge.type(text.strip(), attachments)

    @on(Example.Chosen)
    def _try(self, event: Example.Chosen) -> None:
        if not self.is_answering:
            self.query_one(Prompt).focus()
            hold(self, self._send(event.text, ()))

    @on(ContextBar.Asked)
    @on(Legend.Asked)
    def _ask_context(self) -> None:
        self.action_command("context")

    # What a turn under the cursor asks for

    @on(Transcript.Wanted)
    def _wanted(self, event: Transcript.Wanted) -> None:
        event.stop()
        if self.session is not None:
            hold(self, self._carry_out(self._turn_command(self.session, event)))

    @work(group="commands")
    async def _carry_out(self, work: Awaitable[None]) -> None:
        await work

    async def _turn_command(self, session: Session, event: Transcript.Wanted) -> None:
        match event.action:
            case "copy":
                self.copy(event.text)
            case "quote":
                self._quote(event.text)
            case _ if self.is_answering:
                self.notify("The answer is still being written; Escape stops it.")
            case "regenerate":
                await session.regenerate(event.turn)
            case "remove":
                await session.remove(event.turn)
            case "older" | "newer":
                await session.branch(event.turn, 1 if event.action == "newer" else -1)
            case _:
                await self._change(session, event.action, session.turn(event.turn))

    async def _change(self, session: Session, action: str, turn: Turn | None) -> None:
        """Has a turn edited, or go on from where it ended."""
        if turn is None:
            return
        if turn.role == "user":
            await self._edit_prompt(session, turn)
        elif action == "continue":
            await session.continue_from(turn.id, turn.thought, turn.text)
        elif action == "edit_thought" or not turn.text:
            await self._edit_thought(session, turn)
        else:
            await self._edit_answer(session, turn)

    def _quote(self, text: str) -> None:
        prompt = self.query_one(Prompt)
        quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
        lead = "\n" if prompt.text and not prompt.text.endswith("\n") else ""
        prompt.move_cursor(prompt.document.end)
        prompt.insert(f"{lead}{quoted}\n\n")
        prompt.focus()

    # The answer

    async def _do_stop(self, session: Session) -> None:
        await session.stop()

    async def _do_answer_now(self, session: Session) -> None:
        await session.answer_now()

    async def _do_think_longer(self, session: Session, argument: str) -> None:
        tokens = int(argument) if argument.isdecimal() and len(argument) < 8 else LONGER
        await session.think_longer(tokens)

    async def _do_think_on(self, session: Session) -> None:
        if (turn := self._last_answer) is not None:
            await session.think_on(turn.id)

    async def _do_regenerate(self, session: Session) -> None:
        await session.regenerate(self._path[-1].id)

    async def _do_continue(self, session: Session) -> None:
        await self._change(session, "continue", self._last_answer)

    # Turns

    async def _do_edit(self, session: Session) -> None:
        await self._change(session, "edit", self._last_prompt)

    async def _do_edit_thought(self, session: Session) -> None:
        await self._change(session, "edit_thought", self._last_answer)

    async def _do_edit_answer(self, session: Session) -> None:
        await self._change(session, "edit", self._last_answer)

    async def _do_older(self, session: Session) -> None:
        if (turn := self._forked) is not None:
            await session.branch(turn.id, -1)

    async def _do_newer(self, session: Session) -> None:
        if (turn := self._forked) is not None:
            await session.branch(turn.id, 1)

    async def _do_remove(self, session: Session) -> None:
        if (turn := self._last_prompt) is not None:
            await session.remove(turn.id)

    async def _do_undo(self, session: Session) -> None:
        await session.undo()

    async def _do_copy(self, session: Session) -> None:
        if (turn := self._last_answer) is not None:
            self.copy(turn.text or turn.thought)

    async def _do_copy_thought(self, session: Session) -> None:
        if (turn := self._last_answer) is not None:
            self.copy(turn.thought)

    def action_copy_text(self) -> None:
        """Copies what the mouse has selected, and says what became of it."""
        text = self.get_selected_text()
        if text is None:
            raise SkipAction
        self.copy(text)

    @on(Prompt.Copied)
    def _copied(self, event: Prompt.Copied) -> None:
        self.copy(event.text)

    @work(exclusive=True, group="copy")
    async def copy(self, text: str) -> None:
        """Copies a text, and says what became of it."""
        from localqwq.tui.terminal.clipboard import copy

        self.notify(await copy(self.app, text), markup=False)

    async def _edit_prompt(self, session: Session, turn: Turn) -> None:
        hint = "The changed prompt is asked in its place. The old one stays as a branch."
        await self._edit(
            "Edit the prompt", hint, turn.text, lambda text: session.edit(turn.id, text)
        )

    async def _edit_thought(self, session: Session, turn: Turn) -> None:
        hint = "The model goes on thinking where this ends. The old answer stays as a branch."
        await self._edit(
            "Edit the thought",
            hint,
            turn.thought,
            lambda text: session.continue_from(turn.id, text, ""),
        )

    async def _edit_answer(self, session: Session, turn: Turn) -> None:
        hint = "The model goes on where this ends. The old answer stays as a branch."
        await self._edit(
            "Edit the answer",
            hint,
            turn.text,
            lambda text: session.continue_from(turn.id, turn.thought, text),
        )

    async def _edit(
        self, title: str, hint: str, text: str, use: Callable[[str], Awaitable[None]]
    ) -> None:
        """Shows a text to be changed; `use` gets the changed one."""
        from localqwq.tui.screens.edit import EditScreen

        def edited(changed: str | None) -> None:
            if changed is not None:
                hold(self, self._carry_out(use(changed)))

        await self.app.push_screen(EditScreen(title, hint, text), edited)

    # What there is

    @property
    def _path(self) -> tuple[Turn, ...]:
        return self.session.path if self.session else ()

    @property
    def _last_answer(self) -> Turn | None:
        return next((turn for turn in reversed(self._path) if turn.role == "assistant"), None)

    @property
    def _last_prompt(self) -> Turn | None:
        return next((turn for turn in reversed(self._path) if turn.role == "user"), None)

    @property
    def _forked(self) -> Turn | None:
        """The last turn that has branches beside it."""
        conversation = self.session.conversation if self.session else None
        return conversation.fork if conversation else None
