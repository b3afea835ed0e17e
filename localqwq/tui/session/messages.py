"""The session's reports, which are all that a screen or plain mode knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localqwq.conversations.turns import Attachment, Conversation, Measures, Turn

if TYPE_CHECKING:
    from localqwq.agent.permission import Question
    from localqwq.client.limits import ContextLimits
    from localqwq.conversations.rounds import Round


class Report:
    """A report of a session."""


@dataclass
class ModelLoading(Report):
    """The model is being prepared or loaded."""

    model: str
    """Its name; empty while it is unknown."""
    quant: str


@dataclass
class ModelProgress(Report):
    """The model is being loaded."""

    part: float
    """The fraction loaded, from 0 to 1."""


@dataclass
class ModelReady(Report):
    """The model is ready."""

    model: str
    quant: str
    """Empty if the endpoint does not state it."""
    context: int | None
    """Context in tokens; None if the endpoint does not state it."""


@dataclass
class ModelLacks(Report):
    """The model is loaded differently than planned, or without some part of the machine."""

    sentence: str


@dataclass
class ContextKnown(Report):
    """The endpoint's statement about its context."""

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
    """Its unsent or unanswered text, for the prompt."""
    attachments: tuple[Attachment, ...] = ()
    """Attachments of the draft."""
    turn: int | None = None
    """The turn to show; None for the end."""
    same: bool = False
    """Whether it is the same conversation on another branch, so that the prompt's text stays."""


@dataclass
class Sought(Report):
    """A turn should be shown, in a conversation with a running answer."""

    turn: int


@dataclass
class PromptStored(Report):
    """A prompt was accepted; its answer is being prepared, or already running."""

    turn: Turn
    since: float
    """When that was, by the monotonic clock."""


@dataclass
class PromptReturned(Report):
    """A prompt was taken back before its answer began."""

    text: str
    sentence: str
    """Why; empty if the person wanted it."""
    attachments: tuple[Attachment, ...] = ()


@dataclass
class PromptRead(Report):
    """The model is processing the prompt."""

    done: int
    total: int
    left: float | None = None
    """Seconds until that is done; None if unknown."""


@dataclass
class VoteCounted(Report):
    """Several answers are being written, of which the one that most agree on will be kept."""

    done: int
    """How many are there."""
    of: int
    agreeing: int
    """The size of the largest group of them that say the same."""


@dataclass
class BudgetChanged(Report):
    """The limit of the current thought has changed."""

    budget: int | None
    """Tokens, counted from its beginning; None for no limit."""
    answer_wanted: bool = False
    """Whether it ends with its next sentence, since the answer was requested."""


@dataclass
class ContextChanged(Report):
    """The engine recreated its context, since the conversation needs another one."""

    context: int
    """Context in tokens."""
    factor: float
    """Factor of rope scaling; 1 for none."""


@dataclass
class ThoughtGrew(Report):
    """A piece of the thought arrived."""

    text: str
    measures: Measures


@dataclass
class AnswerGrew(Report):
    """A piece of the answer arrived."""

    text: str
    measures: Measures


@dataclass
class TurnRetold(Report):
    """Thought and answer so far are divided differently than reported: these are correct."""

    thought: str
    text: str
    measures: Measures


@dataclass
class RoundsChanged(Report):
    """The model has called tools, or more is known about its calls.

    Thought and answer reported before belong to the last round, if there is a new one.
    """

    rounds: tuple[Round, ...]
    """All rounds of the turn so far."""
    measures: Measures


@dataclass
class PermissionAsked(Report):
    """A call waits for the person's decision."""

    question: Question


@dataclass
class PermissionSettled(Report):
    """No call waits any more."""


@dataclass
class AskedElsewhere(Report):
    """A call in a conversation that is not open waits for the person's decision."""

    conversation: int
    title: str


@dataclass
class AnswerEnded(Report):
    """The answer has ended, complete or not."""

    turn: Turn


@dataclass
class EndedElsewhere(Report):
    """An answer in a conversation that is not open has ended."""

    conversation: int
    title: str
    sentence: str = ""
    """Why there is none, or not all of it; empty if it is complete."""


@dataclass
class Removed(Report):
    """Something was removed that ``undo`` restores."""

    sentence: str


@dataclass
class Unstored(Report):
    """Something cannot be written now or, without a sentence, everything is written."""

    sentence: str


@dataclass
class Failed(Report):
    """A request was not fulfilled."""

    sentence: str
