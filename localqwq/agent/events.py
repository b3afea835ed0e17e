"""The typed events of a turn with tools: the model's own, and what becomes of its calls."""

from dataclasses import dataclass
from typing import Literal

from localqwq.reasoning.events import Event, ToolCall

Status = Literal["done", "failed", "denied", "timed out", "interrupted", "not run"]
"""How a call ended. ``interrupted``: the program ended, or the turn was stopped; ``not run``: the
same, before the call was allowed.
"""
EndReason = Literal["answer", "cut", "rounds", "tokens", "seconds", "repetition"]
"""Why a turn ended: with the model's answer, one that was ``cut`` by its own limit of tokens, or
one that a limit of the turn, or calls without progress, required.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One call and what came of it."""

    id: str
    name: str
    arguments: str
    """A JSON object as text."""
    result: str
    """What the tool returned, or a sentence on why it did not; complete and unchanged."""
    status: Status
    seconds: float = 0.0
    """Time that the call took, without waiting for a person."""
    round: int = 1
    """The answer that made the call, counted from 1."""

    @property
    def denied(self) -> bool:
        """Whether it was not allowed."""
        return self.status == "denied"


@dataclass(frozen=True, slots=True)
class CallsMade:
    """A round has ended with these calls; whether each is allowed is decided next."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class CallBegan:
    """A call that was allowed is being carried out."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over: the model gets the step's result."""

    step: Step


@dataclass(frozen=True, slots=True)
class ResultsRead:
    """All calls of a round are over, and the model goes on with their results."""

    results: tuple[tuple[str, str], ...]
    """The id of each call, and its result as the model reads it."""


@dataclass(frozen=True, slots=True)
class AgentFinish:
    """The end of a turn with tools; always the last event."""

    reason: EndReason
    rounds: int
    steps: tuple[Step, ...]
    completion_tokens: int
    """Generated tokens of all rounds."""
    seconds: float


AgentEvent = Event | CallsMade | CallBegan | CallEnded | ResultsRead | AgentFinish
"""Each round's own :class:`~localqwq.reasoning.events.Finish` is among them."""
