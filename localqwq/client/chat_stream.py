"""Converting a server's response to a chat request to events, or a failure; pure."""

import json
from collections.abc import Iterator
from typing import Any

from localqwq.client.answer import AnswerAssembler
from localqwq.client.errors import EndpointError, EndpointLost, failure, message_of, words_of
from localqwq.client.sse import SSEParser
from localqwq.reasoning.events import Event

_DONE = b"[DONE]"


class ChatStream:
    """Reads one answer: a stream of events in any server's dialect, or a whole completion.

    An answer that failed or whose end is missing never counts as complete: then :attr:`failure` is
    set, and the events are what came before.
    """

    def __init__(self, where: str, assembler: AnswerAssembler, key: str | None = None) -> None:
        """Set up; ``where``: the server's name in messages. ``key``: the API key, which must not
        appear in any.
        """
        self.failure: EndpointError | None = None
        self._where = where
        self._key = key
        self._assembler = assembler
        self._parser = SSEParser()
        self._done = False

    @property
    def over(self) -> bool:
        """Whether nothing more needs to be read."""
        return self._done or self.failure is not None

    def feed(self, piece: bytes) -> list[Event]:
        """Return the events in the next piece of the body."""
        return self._take(self._parser.feed(piece))

    def end(self, *, broken: bool) -> list[Event]:
        """Return the last events, once nothing more comes. ``broken``: the connection failed."""
        events = [] if broken or self.over else self._take(self._parser.end())
        if self.failure is None and not self._assembler.complete:
            events += self._unfinished(broken=broken)
        last = self._assembler.finish() if self.failure is None else self._assembler.give_up()
        return [*events, *last]

    def _take(self, data: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for one in data:
            if self.over:
                break
            if one.strip() == _DONE:
                self._done = True
            elif one.strip():
                events += self._chunk(one)
        if self.failure is None and not self._done and self._parser.failure is not None:
            self._fail(words_of(self._parser.failure, self._key))
        return events

    def _chunk(self, data: bytes) -> Iterator[Event]:
        """Yield the events of a chunk, up to where it fails."""
        try:
            yield from self._assembler.feed(_only_entry(json.loads(data)))
        except EndpointError as error:
            self._fail(str(error), type(error))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            self.failure = EndpointError(
                f"{self._where} sent a line that is not a chunk of an answer: {data[:80]!r}."
            )

    def _unfinished(self, *, broken: bool) -> list[Event]:
        """Handle a missing end: there may be a whole document instead of a stream."""
        stray = self._parser.stray
        try:
            document = json.loads(stray)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict) and document.get("choices") and not broken:
            events = list(self._chunk(stray))
            if self.failure is None:
                self._assembler.complete = True
            return events
        words = words_of(stray, self._key)
        if document is not None and words is not None:
            self._fail(words)
        elif words is not None:
            began = "ended the answer with" if self._assembler.began else "did not answer but said"
            self.failure = EndpointError(f"{self._where} {began}: {words.rstrip('.')}.")
        elif stray.strip():
            self.failure = EndpointError(f"{self._where} did not answer with a chat completion.")
        elif self._done:
            self.failure = EndpointError(
                f"{self._where} ended the answer without a finish_reason, so it may be incomplete."
            )
        else:
            self.failure = EndpointLost(
                f"The connection to {self._where} broke before the end of the answer."
            )
        return []

    def _fail(self, words: str | None, kind: type[EndpointError] = EndpointError) -> None:
        hidden = words.replace(self._key, "…") if words and self._key else words
        self.failure = failure(self._where, hidden, kind)


def _only_entry(document: Any) -> Any:
    """Return a chunk, unwrapping the list that some servers put errors into."""
    if isinstance(document, list) and len(document) == 1 and message_of(document):
        return document[0]
    return document
