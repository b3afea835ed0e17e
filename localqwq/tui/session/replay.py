"""What is told of an answer: passed on while somebody looks, and told again when they come back."""

from __future__ import annotations

from collections.abc import Callable

from localqwq.tui.session.messages import (
    AnswerGrew,
    BudgetChanged,
    ContextChanged,
    PromptRead,
    PromptStored,
    Report,
    ThoughtGrew,
    TurnRetold,
)


class Replay:
    """Takes the messages about one answer."""

    def __init__(self, post: Callable[[Report], object], asked: PromptStored) -> None:
        """`post` takes them while the answer is looked at; `asked` is the first of them."""
        self._post = post
        self._asked = asked
        self._is_open = False
        self._read: PromptRead | None = None
        self._budget: BudgetChanged | None = None
        self._thought: list[str] = []
        self._text: list[str] = []
        self._thinking: ThoughtGrew | None = None
        self._answering: AnswerGrew | None = None

    def __call__(self, message: Report) -> None:
        """Takes one, and passes it on if somebody looks; the context is everybody's."""
        match message:
            case PromptRead():
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
        if self._is_open or isinstance(message, ContextChanged):
            self._post(message)

    def open(self) -> None:
        """Somebody looks from now on, and is told what there is so far."""
        self._is_open = True
        self._post(self._asked)
        if self._read is not None:
            self._post(self._read)
        if self._budget is not None:
            self._post(self._budget)
        if self._thinking is not None:
            self._post(ThoughtGrew("".join(self._thought), self._thinking.measures))
        if self._answering is not None:
            self._post(AnswerGrew("".join(self._text), self._answering.measures))

    def close(self) -> None:
        """Nobody looks any more."""
        self._is_open = False
