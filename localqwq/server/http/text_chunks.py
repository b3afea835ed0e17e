"""Converting events to OpenAI's JSON for text completions; pure."""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    PromptLogprobs,
    TokenLogprob,
)
from localqwq.server.http.accounts import account_of, course, finish_details, finish_reason
from localqwq.server.http.chunks import FINGERPRINT, Identity

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a request."""

    text: str
    """Its text, without parts that only its tokens have, such as a begin-of-text token."""
    tokens: Sequence[int]
    first: bytes
    """The first token as text."""
    length: int
    """Characters of all tokens as text."""


class ChoiceWriter:
    """The entries of ``choices`` for one prompt: pieces of a stream, or all at once."""

    def __init__(
        self, index: int, *, echo: Prompt | None, logprobs: bool, with_course: bool = False
    ) -> None:
        """Set up; ``index``: the prompt's index in the request; ``echo``: the prompt if it is
        returned too; ``with_course``: whether the last piece has its ``timings`` and ``sampling``.
        """
        self._with_course = with_course
        self._index = index
        self._echo = echo
        self._text = "" if echo is None else echo.text
        """The beginning of the next piece."""
        self._logprobs = _LegacyLogprobs(0) if logprobs else None
        if echo is not None and self._logprobs is not None:
            self._logprobs = _LegacyLogprobs(len(echo.text) - echo.length)

    def write(self, events: Iterable[Event]) -> Json | None:
        """Return what the events say; ``None`` for nothing."""
        finish: Finish | None = None
        told = False
        for event in events:
            match event:
                case PromptLogprobs(entries):
                    self._score(entries)
                    told = True
                case Answer(text, _, entries):
                    self._text += text
                    if self._logprobs is not None:
                        self._logprobs.add(entries)
                    told = told or self._text != ""
                case Finish():
                    finish = event
                    told = True
        return self._piece(finish) if told else None

    def _score(self, entries: Sequence[TokenLogprob | None]) -> None:
        if self._logprobs is None or self._echo is None:
            return
        self._logprobs.add_unscored(self._echo.first)
        self._logprobs.add([entry for entry in entries if entry is not None])

    def _piece(self, finish: Finish | None) -> Json:
        text, self._text = self._text, ""
        piece = {
            "index": self._index,
            "text": text,
            "logprobs": None if self._logprobs is None else self._logprobs.take(),
            "finish_reason": None if finish is None else finish_reason(finish),
        }
        if finish is not None and finish.reason == "loop":  # there are no thoughts to report
            piece |= finish_details(finish)
        if finish is not None and self._with_course:
            piece |= course(finish)
        return piece


class _LegacyLogprobs:
    """Collects log probabilities in the form of OpenAI's completions API."""

    def __init__(self, offset: int) -> None:
        """Set up; ``offset``: characters into the text at which the first token begins.

        Negative if the text omits what its tokens begin with.
        """
        self._offset = offset
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._clear()

    def add(self, entries: Iterable[TokenLogprob]) -> None:
        """Append tokens with their log probabilities."""
        for entry in entries:
            top = {token_name(other.bytes): other.logprob for other in reversed(entry.top)}
            top.setdefault(token_name(entry.bytes), entry.logprob)
            self._append(entry.bytes, entry.logprob, top)

    def add_unscored(self, token: bytes) -> None:
        """Append a token that follows nothing."""
        self._append(token, None, None)

    def take(self) -> Json:
        """Return all since the last call."""
        taken = {
            "tokens": self._tokens,
            "token_logprobs": self._token_logprobs,
            "top_logprobs": self._top_logprobs,
            "text_offset": self._text_offset,
        }
        self._clear()
        return taken

    def _append(self, token: bytes, logprob: float | None, top: dict[str, float] | None) -> None:
        self._tokens.append(token_name(token))
        self._token_logprobs.append(logprob)
        self._top_logprobs.append(top)
        self._text_offset.append(max(0, self._offset))
        self._offset += len(self._decoder.decode(token))

    def _clear(self) -> None:
        self._tokens: list[str] = []
        self._token_logprobs: list[float | None] = []
        self._top_logprobs: list[dict[str, float] | None] = []
        self._text_offset: list[int] = []


def token_name(token: bytes) -> str:
    r"""Return a token as the API writes it: its text, or such as ``bytes:\xe2\x80`` for half of
    one.
    """
    try:
        return token.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)


class TextWriter:
    """The chunks of one streamed text completion, or the whole of it."""

    def __init__(
        self, identity: Identity, choices: Sequence[ChoiceWriter], per_prompt: int = 1
    ) -> None:
        """Set up; ``choices``: all of them, ``per_prompt`` for each prompt."""
        self._head: Json = {
            "id": identity.id,
            "object": "text_completion",
            "created": identity.created,
            "model": identity.model,
            "system_fingerprint": FINGERPRINT,
        }
        self._choices = choices
        self._per_prompt = per_prompt
        self._finishes: dict[int, Finish] = {}

    def write(self, index: int, events: Sequence[Event]) -> list[Json]:
        """Return the chunks for events of the choice at ``index``."""
        if events and isinstance(events[-1], Finish):
            self._finishes[index] = events[-1]
        piece = self._choices[index].write(events)
        return [] if piece is None else [self._head | {"choices": [piece]}]

    def whole(self, events: Sequence[Sequence[Event]]) -> Json:
        """Return the whole response to a request without a stream, from the events of each
        choice.
        """
        chunks = [chunk for index, own in enumerate(events) for chunk in self.write(index, own)]
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        return self._head | {"choices": choices} | self._account()

    def last(self) -> Json:
        """Return the chunk with the token counts, at the end of a stream that requests it."""
        return self._head | {"choices": []} | self._account()

    def _account(self) -> Json:
        finishes = [self._finishes[index] for index in sorted(self._finishes)]
        return account_of(finishes, self._per_prompt)
