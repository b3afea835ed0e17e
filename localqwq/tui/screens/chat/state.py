"""What the parts of the chat's screen share: the session, and what goes on in it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from localqwq.tui.beat import Beat
from localqwq.tui.keyboard.queue import hold

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from textual.screen import Screen

    from localqwq.conversations.turns import Turn
    from localqwq.tui.session.context_gauge import ContextGauge
    from localqwq.tui.session.session import Session


@dataclass
class Ready(Message):
    """Something is over that somebody may have been waiting for."""

    sentence: str
    seconds: float = math.inf
    """How long it took, where that is known."""


class ChatState:
    """The session, what its answer is doing, and what has to be drawn for that."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.gauge: ContextGauge | None = None
        self.opened = asyncio.Event()
        """Set once there is a conversation to act on."""
        self.budget: int | None = None
        """Tokens that the thought which is growing may have."""
        self.answer_wanted = False
        """Whether somebody asked for the answer."""
        self.thinks = False
        """Whether the last token belonged to a thought."""
        self.beats: list[Beat] = []
        """What draws at regular intervals, while there is something new."""
        self.gauge_is_new = False
        self.offers_are_new = False

    # What goes on

    @property
    def is_answering(self) -> bool:
        """Whether a prompt is waiting for its answer or getting it."""
        return self.session is not None and self.session.is_answering

    @property
    def is_thinking(self) -> bool:
        """Whether a thought is growing."""
        return self.thinks and self.is_answering

    @property
    def own_keys(self) -> Mapping[str, str]:
        """The keys that the person chose, by command."""
        return self.session.settings.keys if self.session else {}

    # Turns

    @property
    def path(self) -> tuple[Turn, ...]:
        """The turns that are shown."""
        return self.session.path if self.session else ()

    @property
    def last_answer(self) -> Turn | None:
        """The last of them that is an answer."""
        return next((turn for turn in reversed(self.path) if turn.role == "assistant"), None)

    @property
    def last_prompt(self) -> Turn | None:
        """The last of them that is a prompt."""
        return next((turn for turn in reversed(self.path) if turn.role == "user"), None)

    @property
    def forked(self) -> Turn | None:
        """The last turn that has branches beside it."""
        conversation = self.session.conversation if self.session else None
        return conversation.fork if conversation else None

    # Drawing

    def wake(self) -> None:
        """Something may have to be drawn."""
        for beat in self.beats:
            beat.wake()

    def gauge_changed(self) -> None:
        """Something else fills the context now; it is drawn soon, together with what follows."""
        self.gauge_is_new = True
        self.wake()

    def offer(self) -> None:
        """Something else can be done now; the keys for it are shown with what is drawn next."""
        self.offers_are_new = True
        self.wake()


def carry_out(screen: Screen[Any], work: Coroutine[Any, Any, object]) -> None:
    """Begins what a person asked for; what they type next waits until it is done."""
    hold(screen, screen.run_worker(work, group="commands"))
