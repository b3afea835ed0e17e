"""What the session reports; who shows these, as a screen or as lines, knows nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localqwq.conversations.turns import Attachment, Conversation, Measures, Turn

if TYPE_CHECKING:
    from localqwq.client.limits import ContextLimits


class Report:
    """Something that a session tells."""


@dataclass
class ModelLoading(Report):
    """The model is being prepared or loaded."""

    model: str
    """Its name; empty while it is not known yet."""
    quant: str


@dataclass
class ModelProgress(Report):
    """The model is being loaded."""

    part: float
    """What of it is loaded, 0 to 1."""


@dataclass
class ModelReady(Report):
    """The model answers from now on."""

    model: str
    quant: str
    """Empty where the endpoint does not say."""
    context: int | None
    """Tokens; None where the endpoint does not say."""


@dataclass
class ModelLacks(Report):
    """The model is not loaded as it was to be, or without something of this machine."""

    sentence: str


@dataclass
class ContextKnown(Report):
    """What the endpoint says of its context."""

    limits: ContextLimits


@dataclass
class ModelLost(Report):
    """The engine died or could not be started."""

    sentence: str
    restarting: bool


@dataclass
class Opened(Report):
    """Another conversation is shown from now on; None for a new, empty one."""

    conversation: Conversation | None
    draft: str = ""
    """What was typed in it and not sent, or sent and not answered; it goes into the prompt."""
    attachments: tuple[Attachment, ...] = ()
    """What belongs to the draft."""
    turn: int | None = None
    """The turn to show; None for the end."""
    same: bool = False
    """It is the one that was shown before, on another branch: what is in the prompt stays."""


@dataclass
class Sought(Report):
    """A turn is to be shown, in a conversation with an answer on its way."""

    turn: int


@dataclass
class PromptStored(Report):
    """A prompt was accepted; its answer is being prepared, or is on its way already."""

    turn: Turn
    since: float
    """When it was, by the monotonic clock."""


@dataclass
class PromptReturned(Report):
    """A prompt was taken back before its answer began."""

    text: str
    sentence: str
    """Why; empty when the person wanted it."""
    attachments: tuple[Attachment, ...] = ()


@dataclass
class PromptRead(Report):
    """The model is reading the prompt."""

    done: int
    total: int
    left: float | None = None
    """Seconds until it is read; None before that can be said."""


@dataclass
class BudgetChanged(Report):
    """How long the thought that is going on may get."""

    budget: int | None
    """Tokens, counted from its beginning; None for no limit."""
    answer_wanted: bool = False
    """It ends with its next sentence, since somebody asked for the answer."""


@dataclass
class ContextChanged(Report):
    """The engine made its context anew, since the conversation needs another one."""

    context: int
    """Tokens."""
    factor: float
    """Of rope scaling; 1 for none."""


@dataclass
class ThoughtGrew(Report):
    """A piece of the thought."""

    text: str
    measures: Measures


@dataclass
class AnswerGrew(Report):
    """A piece of the answer."""

    text: str
    measures: Measures


@dataclass
class TurnRetold(Report):
    """What was told of a turn so far was the thought and the answer otherwise: they are these."""

    thought: str
    text: str
    measures: Measures


@dataclass
class AnswerEnded(Report):
    """The answer is complete, or as complete as it gets."""

    turn: Turn


@dataclass
class EndedElsewhere(Report):
    """An answer in a conversation that is not open has ended."""

    conversation: int
    title: str
    sentence: str = ""
    """Why there is none, or not all of it; empty when it is complete."""


@dataclass
class Removed(Report):
    """Something was taken away that `undo` brings back."""

    sentence: str


@dataclass
class Unstored(Report):
    """Something cannot be written at this moment, or, without a sentence, all is."""

    sentence: str


@dataclass
class Failed(Report):
    """Something that was asked for was not done."""

    sentence: str
