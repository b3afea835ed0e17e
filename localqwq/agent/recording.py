"""Storing a turn with tools as it happens: nothing that was shown is lost, whatever ends it."""

import time
from collections.abc import Callable

from localqwq.agent.events import (
    AgentEvent,
    AgentFinish,
    CallBegan,
    CallEnded,
    CallsMade,
    ResultsRead,
)
from localqwq.agent.round_log import RoundLog, RoundMade
from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures, Status, Turn
from localqwq.reasoning.events import Answer, Reclassified, Thought

INTERVAL = 1.0
"""Seconds after which generated text is stored at the latest."""


class Recorder:
    """Stores the events of one turn.

    Calls are stored before they are allowed, again before they are made, and with their results as
    soon as they end; text at least every second while there is any.
    """

    def __init__(
        self,
        store: Store | BufferedStore,
        turn: Turn,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up; ``turn`` was begun by ``start_answer``. ``clock`` returns seconds."""
        self._store = store
        self._turn = turn.id
        self._clock = clock
        self._start = self._stored = clock()
        self._log = RoundLog(len(turn.rounds))
        self._thought = self._text = ""
        self._all = ["", ""]
        self._tokens = self._thought_tokens = 0

    def take(self, event: AgentEvent) -> None:
        """Store one event."""
        match event:
            case Thought(text, tokens):
                self._thought += text
                self._thought_tokens += tokens
                self._tokens += tokens
                self._flush_now_and_then()
            case Answer(text, tokens):
                self._text += text
                self._tokens += tokens
                self._flush_now_and_then()
            case Reclassified(to):
                self._flush()
                whole = "".join(self._all)
                self._all = [whole, ""] if to == "thought" else ["", whole]
                self._store.rewrite(self._turn, *self._all)
            case CallsMade() | CallBegan() | CallEnded() | ResultsRead():
                self._note(event)
            case AgentFinish():
                self._end("done")
            case _:
                pass

    def stop(self, note: str = "") -> None:
        """Store the end of a turn that a person stopped, or that failed for the reason ``note``."""
        self._end("stopped", note)

    def _note(self, event: CallsMade | CallBegan | CallEnded | ResultsRead) -> None:
        for entry in self._log.take(event):
            if isinstance(entry, RoundMade):
                self._flush()
                self._all = ["", ""]
                self._store.end_round(self._turn, entry.number, entry.calls)
            else:
                self._store.end_call(self._turn, entry.number, entry.call)

    def _flush_now_and_then(self) -> None:
        if self._clock() - self._stored >= INTERVAL:
            self._flush()

    def _flush(self) -> None:
        self._stored = self._clock()
        if self._thought or self._text:
            self._store.append(self._turn, self._thought, self._text, self._measures())
        self._all = [self._all[0] + self._thought, self._all[1] + self._text]
        self._thought = self._text = ""

    def _end(self, status: Status, note: str = "") -> None:
        measures = self._measures()
        self._store.finish(self._turn, status, self._thought, self._text, measures, note)
        self._thought = self._text = ""

    def _measures(self) -> Measures:
        seconds = self._clock() - self._start
        return Measures(seconds, 0.0, self._tokens, self._thought_tokens)
