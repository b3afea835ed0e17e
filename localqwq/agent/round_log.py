"""Which rounds and calls of a turn are to be stored, by its events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from localqwq.agent.events import AgentEvent, CallBegan, CallEnded, CallsMade, ResultsRead
from localqwq.conversations.rounds import Round, StoredCall


@dataclass(frozen=True, slots=True)
class RoundMade:
    """All text since the last round belongs to this one, which made these calls."""

    number: int
    calls: tuple[StoredCall, ...]


@dataclass(frozen=True, slots=True)
class CallChanged:
    """More is known about a call of a round."""

    number: int
    call: StoredCall


Entry = RoundMade | CallChanged


class RoundLog:
    """The calls of the last round, and the numbers of rounds."""

    def __init__(self, rounds: int = 0) -> None:
        """Set up; ``rounds``: how many the turn has already."""
        self._rounds = rounds
        self._calls: dict[str, StoredCall] = {}

    def take(self, event: AgentEvent) -> list[Entry]:
        """Return what one event adds."""
        match event:
            case CallsMade(calls):
                self._calls = {
                    call.id: StoredCall(call.id, call.name, call.arguments, status="waiting")
                    for call in calls
                }
                self._rounds += 1
                return [RoundMade(self._rounds - 1, tuple(self._calls.values()))]
            case CallBegan(begun):
                return [self._changed(replace(self._calls[begun.id], status="running"))]
            case CallEnded(step):
                call = self._calls[step.id]
                return [
                    self._changed(
                        replace(call, result=step.result, status=step.status, seconds=step.seconds)
                    )
                ]
            case ResultsRead(results):
                return [
                    self._changed(replace(self._calls[id_], read=read)) for id_, read in results
                ]
        return []

    def _changed(self, call: StoredCall) -> CallChanged:
        self._calls[call.id] = call
        return CallChanged(self._rounds - 1, call)


def with_call(rounds: Sequence[Round], changed: CallChanged) -> tuple[Round, ...]:
    """Return the rounds with a call as it is now."""
    old, call = rounds[changed.number], changed.call
    calls = tuple(call if one.id == call.id else one for one in old.calls)
    return (
        *rounds[: changed.number],
        replace(old, calls=calls),
        *rounds[changed.number + 1 :],
    )
