"""Asking, line by line, whether the model may make a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from localqwq.visible import visible_code

if TYPE_CHECKING:
    from localqwq.agent.permission import Decision, Question

GLANCE_S = 0.5
"""Seconds between what a call would do and the question: lines typed before are no answers."""
STILL = "The question still waits for y, c, a or n; what you typed is for later."


class Asked:
    """The question that waits for an answer. In a pipe nobody is there, and the answer is no."""

    def __init__(
        self,
        say: Callable[..., None],
        decide: Callable[[Decision], object],
        *,
        is_terminal: bool,
    ) -> None:
        """Set up; ``say`` prints lines, and ``decide`` receives the decisions."""
        self._say = say
        self._decide = decide
        self._is_terminal = is_terminal
        self._coming: asyncio.TimerHandle | None = None
        self.waits = False
        """Whether the question was printed and has no answer yet."""

    def ask(self, question: Question) -> None:
        """Say what a call would do, and ask a moment later."""
        from localqwq.agent.permission import NOBODY, Denied

        if question.before:
            name = question.planned.call.name
            self._say_all(f"{name} has changed since you allowed it:", question.change())
        self._say_all("The model wants to call a tool:", question.words)
        if not self._is_terminal:
            self._decide(Denied(NOBODY))
            return
        self.settle()
        self._coming = asyncio.get_running_loop().call_later(GLANCE_S, self._open, question)

    def settle(self) -> None:
        """Note that nothing waits for an answer any more."""
        self.waits = False
        if self._coming is not None:
            self._coming.cancel()

    def answers(self, line: str) -> bool:
        """Take a line if it is a clear answer to the question; return whether it was."""
        from localqwq.agent.said import clear_decision

        decision = clear_decision(line) if self.waits else None
        if decision is None:
            return False
        self.waits = False
        self._decide(decision)
        return True

    def _open(self, question: Question) -> None:
        self.waits = True
        covers = visible_code(question.extent)
        self._say(f"Allow it? y: once; c: in this conversation; a: always{covers}; n: no, and why.")

    def _say_all(self, title: str, text: str) -> None:
        self._say(title, *visible_code(text).split("\n"))
