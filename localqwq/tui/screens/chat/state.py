"""The state shared by the parts of the chat screen."""

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
    """Something is ready that somebody may have been waiting for."""

    sentence: str
    seconds: float = math.inf
    """How long it took, if known."""


class ChatState:
    """The session, the state of its answer, and what has to be drawn."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.gauge: ContextGauge | None = None
        self.opened = asyncio.Event()
        """Set once there is a conversation to act on."""
        self.budget: int | None = None
        """Maximum tokens of the current thought."""
        self.answer_wanted = False
        """Whether the answer was requested."""
        self.thinks = False
        """Whether the last token belonged to a thought."""
        self.beats: list[Beat] = []
        """Timers that draw while there is something new."""
        self.gauge_is_new = False
        self.offers_are_new = False

    # Activity

    @property
    def is_answering(self) -> bool:
        """Whether a prompt is waiting for its answer or receiving it."""
        return self.session is not None and self.session.is_answering

    @property
    def is_asking(self) -> bool:
        """Whether a call waits for permission."""
        conversation = self.session.conversation if self.session else None
        asking = self.session.answers.asking if self.session else frozenset()
        return conversation is not None and conversation.id in asking

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
        """The visible turns."""
        return self.session.path if self.session else ()

    @property
    def last_answer(self) -> Turn | None:
        """The last answer among them."""
        return next((turn for turn in reversed(self.path) if turn.role == "assistant"), None)

    @property
    def last_prompt(self) -> Turn | None:
        """The last prompt among them."""
        return next((turn for turn in reversed(self.path) if turn.role == "user"), None)

    @property
    def forked(self) -> Turn | None:
        """The last turn that has branches beside it."""
        conversation = self.session.conversation if self.session else None
        return conversation.fork if conversation else None

    # Drawing

    def wake(self) -> None:
        """Note that something may have to be drawn."""
        for beat in self.beats:
            beat.wake()

    def gauge_changed(self) -> None:
        """Note that the context's content changed, to be drawn soon together with other changes."""
        self.gauge_is_new = True
        self.wake()

    def offer(self) -> None:
        """Note that other commands are possible, to be shown with the next drawing."""
        self.offers_are_new = True
        self.wake()


def carry_out(screen: Screen[Any], work: Coroutine[Any, Any, object]) -> None:
    """Start a person's command; later input waits until it is done."""
    hold(screen, screen.run_worker(work, group="commands"))
