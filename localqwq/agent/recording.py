"""Storing a turn with tools as it happens: nothing that was shown is lost, whatever ends it."""

import time
from collections.abc import Callable
from dataclasses import replace

from localqwq.agent.events import AgentEvent, AgentFinish, CallBegan, CallEnded, ResultsRead
from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.rounds import StoredCall
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures, Status, Turn
from localqwq.reasoning.events import Answer, Reclassified, Thought, ToolCall

INTERVAL = 1.0
"""Seconds after which generated text is stored at the latest."""


class Recorder:
    """Stores the events of one turn.

    Calls are stored before they are made and with their results as soon as they end; text at least
    every second while there is any.
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
        self._rounds = len(turn.rounds)
        self._calls: dict[str, StoredCall] = {}
        self._is_calling = False
        self._thought = self._text = ""
        self._all = ["", ""]
        self._tokens = self._thought_tokens = 0

    def take(self, event: AgentEvent) -> None:
        """Store one event."""
        match event:
            case Thought(text, tokens):
                self._begin()
                self._thought += text
                self._thought_tokens += tokens
                self._tokens += tokens
                self._flush_now_and_then()
            case Answer(text, tokens):
                self._begin()
                self._text += text
                self._tokens += tokens
                self._flush_now_and_then()
            case Reclassified(to):
                self._flush()
                whole = "".join(self._all)
                self._all = [whole, ""] if to == "thought" else ["", whole]
                self._store.rewrite(self._turn, *self._all)
            case ToolCall(id_, name, arguments):
                self._begin()
                self._calls[id_] = StoredCall(id_, name, arguments)
            case CallBegan():
                self._end_round()
            case CallEnded(step):
                self._end_round()
                ended = replace(
                    self._calls[step.id],
                    result=step.result,
                    status=step.status,
                    seconds=step.seconds,
                )
                self._note(ended)
            case ResultsRead(results):
                for id_, read in results:
                    self._note(replace(self._calls[id_], read=read))
            case AgentFinish():
                self._end("done")
            case _:
                pass

    def stop(self, note: str = "") -> None:
        """Store the end of a turn that a person stopped, or that failed for the reason ``note``."""
        self._end("stopped", note)

    def _begin(self) -> None:
        """Begin another round, if the calls of the last one are over."""
        if self._is_calling:
            self._is_calling = False
            self._rounds += 1
            self._calls = {}

    def _end_round(self) -> None:
        if not self._is_calling:
            self._flush()
            self._is_calling = True
            self._all = ["", ""]
            self._store.end_round(self._turn, self._rounds, tuple(self._calls.values()))

    def _note(self, call: StoredCall) -> None:
        self._calls[call.id] = call
        self._store.end_call(self._turn, self._rounds, call)

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
