"""The reports about an answer: passed on while it is shown, and replayed on return."""

from __future__ import annotations

from collections.abc import Callable

from localqwq.tui.session.messages import (
    AnswerGrew,
    BudgetChanged,
    ContextChanged,
    PermissionAsked,
    PermissionSettled,
    PromptRead,
    PromptStored,
    Report,
    RoundsChanged,
    ThoughtGrew,
    TurnRetold,
    VoteCounted,
)


class Replay:
    """Receives the reports about one answer."""

    def __init__(self, post: Callable[[Report], object], asked: PromptStored) -> None:
        """Set up; ``post`` receives them while the answer is shown; ``asked`` is the first of
        them.
        """
        self._post = post
        self._asked = asked
        self._is_open = False
        self._read: PromptRead | VoteCounted | None = None
        self._budget: BudgetChanged | None = None
        self._thought: list[str] = []
        self._text: list[str] = []
        self._thinking: ThoughtGrew | None = None
        self._answering: AnswerGrew | None = None
        self._rounds: RoundsChanged | None = None
        self._permission: PermissionAsked | None = None

    def __call__(self, message: Report) -> None:
        """Receive a report and pass it on if the answer is shown; the context concerns
        everybody.
        """
        match message:
            case PromptRead() | VoteCounted():
                self._read = message
            case BudgetChanged():
                self._budget = message
            case ThoughtGrew(text):
                self._thought.append(text)
                self._thinking = message
            case AnswerGrew(text):
                self._text.append(text)
                self._answering = message
            case TurnRetold(thought, text, measures):
                self._thought, self._text = [thought], [text]
                self._thinking = ThoughtGrew(thought, measures) if thought else None
                self._answering = AnswerGrew(text, measures) if text else None
            case RoundsChanged(rounds):
                if self._rounds is None or len(rounds) > len(self._rounds.rounds):
                    self._thought, self._text = [], []
                    self._thinking = self._answering = None
                self._rounds = message
            case PermissionAsked():
                self._permission = message
            case PermissionSettled():
                self._permission = None
        if self._is_open or isinstance(message, ContextChanged):
            self._post(message)

    def open(self) -> None:
        """Show the answer from now on, starting with what there is."""
        self._is_open = True
        self._post(self._asked)
        if self._read is not None:
            self._post(self._read)
        if self._budget is not None:
            self._post(self._budget)
        if self._rounds is not None:
            self._post(self._rounds)
        if self._thinking is not None:
            self._post(ThoughtGrew("".join(self._thought), self._thinking.measures))
        if self._answering is not None:
            self._post(AnswerGrew("".join(self._text), self._answering.measures))
        if self._permission is not None:
            self._post(self._permission)

    def close(self) -> None:
        """Stop showing the answer."""
        self._is_open = False
