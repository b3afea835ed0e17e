"""The prompt's text: stored as a draft, counted, and sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localqwq.conversations.turns import Attachment
from localqwq.tui.screens.chat.state import ChatState, carry_out
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from textual.screen import Screen


WAITS = "The model waits for your permission: Tab goes to the question, Escape stops the answer."


class Sending:
    """Passes the prompt to the session."""

    def __init__(self, screen: Screen[None], state: ChatState) -> None:
        self._screen = screen
        self._state = state
        self._doubted: tuple[str, tuple[Attachment, ...]] | None = None
        """The prompt that a warning was shown for."""

    def submit(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        """Send the prompt, or show why not; the second time in spite of a warning."""
        gauge = self._state.gauge
        doubt = gauge.doubt(text, attachments) if gauge else ""
        if self._state.is_asking:
            self._screen.notify(WAITS, markup=False)
        elif self._state.is_answering:
            self._screen.notify("The previous answer is still being written; Escape stops it.")
        elif doubt and (text, attachments) != self._doubted:
            self._doubted = (text, attachments)
            self._screen.notify(doubt, severity="warning", markup=False)
        else:
            self._doubted = None
            carry_out(self._screen, self._send(*self._screen.query_one(Composer).take()))

    def ask(self, example: str) -> None:
        """Send a question that was clicked."""
        if not self._state.is_answering:
            self._screen.set_focus(self._screen.query_one(Prompt))
            carry_out(self._screen, self._send(example, ()))

    def typed(self) -> None:
        """Store and count the draft."""
        session, gauge = self._state.session, self._state.gauge
        if session is not None and gauge is not None:
            prompt = self._screen.query_one(Prompt)
            attachments = self._screen.query_one(Composer).attachments
            session.note_draft(prompt.unsent, attachments)
            gauge.type(prompt.text.strip(), attachments)

    async def _send(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        """Send a prompt, as soon as there is a conversation for it."""
        await self._state.opened.wait()
        session = self._state.session
        if session is not None and not await session.send(text, attachments):
            self._screen.query_one(Composer).put(text, attachments)
