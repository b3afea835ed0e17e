"""What the session tells the screen; widgets draw these and know nothing else of the session."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from localqwq.conversations.turns import Conversation, Measures, Turn


@dataclass
class ModelLoading(Message):
    """The model is being prepared or loaded."""

    model: str
    """Its name; empty while it is not known yet."""
    quant: str


@dataclass
class ModelReady(Message):
    """The model answers from now on."""

    model: str
    quant: str
    """Empty where the endpoint does not say."""
    context: int | None
    """Tokens; None where the endpoint does not say."""


@dataclass
class ModelLost(Message):
    """The engine died or could not be started."""

    sentence: str
    restarting: bool


@dataclass
class Opened(Message):
    """Another conversation is shown from now on; None for a new, empty one."""

    conversation: Conversation | None
    draft: str = ""
    """A prompt of it that no answer was started for; it goes back into the prompt."""


@dataclass
class PromptStored(Message):
    """A prompt was accepted; its answer is being prepared."""

    turn: Turn


@dataclass
class PromptReturned(Message):
    """A prompt was taken back before its answer began."""

    text: str
    sentence: str
    """Why; empty when the person wanted it."""


@dataclass
class PromptRead(Message):
    """The model is reading the prompt."""

    done: int
    total: int


@dataclass
class ContextChanged(Message):
    """The engine made its context anew, since the conversation needs another one."""

    context: int
    """Tokens."""
    factor: float
    """Of rope scaling; 1 for none."""


@dataclass
class ThoughtGrew(Message):
    """A piece of the thought."""

    text: str
    measures: Measures


@dataclass
class AnswerGrew(Message):
    """A piece of the answer."""

    text: str
    measures: Measures


@dataclass
class AnswerEnded(Message):
    """The answer is complete, or as complete as it gets."""

    turn: Turn


@dataclass
class Failed(Message):
    """Something that was asked for was not done."""

    sentence: str
