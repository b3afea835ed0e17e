"""The chat's commands about turns: stop, think on, regenerate, edit, branch, remove, copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from localqwq.conversations.turns import Turn
from localqwq.tui.commands.arguments import HOW_MANY, answers_wanted, tokens_wanted
from localqwq.tui.screens.chat.state import ChatState, carry_out
from localqwq.tui.text.calls import whole_thought
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.transcript.transcript import Transcript

if TYPE_CHECKING:
    from textual.screen import Screen

    from localqwq.tui.session.session import Session


class TurnCommands:
    """Runs these commands."""

    def __init__(self, screen: Screen[None], state: ChatState) -> None:
        self._screen = screen
        self._state = state
        self.commands: dict[str, Callable[[Session], Awaitable[object]]] = {
            "stop": lambda session: session.stop(),
            "answer_now": lambda session: session.answer_now(),
            "think_on": self._think_on,
            "regenerate": lambda session: session.regenerate(state.path[-1].id),
            "continue": lambda session: self._change(session, "continue", state.last_answer),
            "edit": lambda session: self._change(session, "edit", state.last_prompt),
            "edit_thought": lambda one: self._change(one, "edit_thought", state.last_answer),
            "edit_answer": lambda session: self._change(session, "edit", state.last_answer),
            "older": lambda session: self._branch(session, -1),
            "newer": lambda session: self._branch(session, 1),
            "remove": self._remove,
            "undo": lambda session: session.undo(),
            "copy": self._copy,
            "copy_thought": self._copy_thought,
        }
        """Actions by command."""
        self.with_text: dict[str, Callable[[Session, str], Awaitable[object]]] = {
            "think_longer": lambda session, text: session.think_longer(tokens_wanted(text)),
            "vote": self._vote,
        }
        """Actions by command, which take the text typed after its name."""

    def is_possible(self, command: str) -> bool | None:
        """Return whether a command is possible now; None for other commands."""
        state, last = self._state, self._state.last_answer
        match command:
            case "stop":
                return state.is_answering
            case "answer_now":
                return state.is_thinking
            case "think_longer":
                return state.is_thinking and (state.budget is not None or state.answer_wanted)
            case "regenerate" | "vote" | "edit" | "remove":
                return bool(state.path) and not state.is_answering
            case "older" | "newer":
                return state.forked is not None and not state.is_answering
            case "continue" | "edit_answer" | "copy":
                return last is not None and not state.is_answering
            case "undo":
                return state.session is not None and state.session.has_removed
            case "own_settings":
                return bool(state.path)
            case "copy_thought":
                return last is not None and bool(_thought(last)) and not state.is_answering
            case "edit_thought" | "think_on":
                return last is not None and bool(last.thought) and not state.is_answering
        return None

    # Commands on the turn under the cursor

    def wanted(self, event: Transcript.Wanted) -> None:
        """Run the command of a turn's label, or of a key on it."""
        if self._state.session is not None:
            carry_out(self._screen, self._of_turn(self._state.session, event))

    async def _of_turn(self, session: Session, event: Transcript.Wanted) -> None:
        match event.action:
            case "copy":
                copy_text(self._screen, event.text)
            case "quote":
                self._quote(event.text)
            case _ if self._state.is_answering:
                self._screen.notify("The answer is still being written; Escape stops it.")
            case "regenerate":
                await session.regenerate(event.turn)
            case "remove":
                await session.remove(event.turn)
            case "older" | "newer":
                await session.branch(event.turn, 1 if event.action == "newer" else -1)
            case _:
                await self._change(session, event.action, session.turn(event.turn))

    async def _change(self, session: Session, action: str, turn: Turn | None) -> None:
        """Edit a turn, or continue it from where it ended."""
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
        prompt = self._screen.query_one(Prompt)
        quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
        lead = "\n" if prompt.text and not prompt.text.endswith("\n") else ""
        prompt.move_cursor(prompt.document.end)
        prompt.insert(f"{lead}{quoted}\n\n")
        self._screen.set_focus(prompt)

    async def _think_on(self, session: Session) -> None:
        if (turn := self._state.last_answer) is not None:
            await session.think_on(turn.id)

    async def _vote(self, session: Session, text: str) -> None:
        samples = answers_wanted(text)
        if samples is None:
            self._screen.notify(HOW_MANY, severity="warning")
        else:
            await session.vote(self._state.path[-1].id, samples)

    async def _branch(self, session: Session, step: int) -> None:
        if (turn := self._state.forked) is not None:
            await session.branch(turn.id, step)

    async def _remove(self, session: Session) -> None:
        if (turn := self._state.last_prompt) is not None:
            await session.remove(turn.id)

    async def _copy(self, _: Session) -> None:
        if (turn := self._state.last_answer) is not None:
            copy_text(self._screen, turn.text or _thought(turn))

    async def _copy_thought(self, _: Session) -> None:
        if (turn := self._state.last_answer) is not None:
            copy_text(self._screen, _thought(turn))

    # Editing text

    async def _edit_prompt(self, session: Session, turn: Turn) -> None:
        hint = "The changed prompt is asked instead. The old one is kept as a branch."
        await self._edit(
            "Edit the prompt", hint, turn.text, lambda text: session.edit(turn.id, text)
        )

    async def _edit_thought(self, session: Session, turn: Turn) -> None:
        hint = "The model continues thinking where this ends. The old answer is kept as a branch."
        await self._edit(
            "Edit the thought",
            hint,
            turn.thought,
            lambda text: session.continue_from(turn.id, text, ""),
        )

    async def _edit_answer(self, session: Session, turn: Turn) -> None:
        hint = "The model continues where this ends. The old answer is kept as a branch."
        await self._edit(
            "Edit the answer",
            hint,
            turn.text,
            lambda text: session.continue_from(turn.id, turn.thought, text),
        )

    async def _edit(
        self, title: str, hint: str, text: str, use: Callable[[str], Coroutine[Any, Any, None]]
    ) -> None:
        """Open a text for editing; ``use`` receives the result."""
        from localqwq.tui.screens.edit import EditScreen

        def edited(changed: str | None) -> None:
            if changed is not None:
                carry_out(self._screen, use(changed))

        await self._screen.app.push_screen(EditScreen(title, hint, text), edited)


def _thought(turn: Turn) -> str:
    return whole_thought(turn.rounds, turn.thought)


def copy_text(screen: Screen[None], text: str) -> None:
    """Copy a text, and say what happened."""

    async def copied() -> None:
        from localqwq.tui.terminal.clipboard import copy

        screen.notify(await copy(screen.app, text), markup=False)

    screen.run_worker(copied(), exclusive=True, group="copy")
