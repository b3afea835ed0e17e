"""Converting events to OpenAI's JSON: the chunks of a stream, or one whole response; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from localqwq.engine.llama.version import llama_version
from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Event,
    Finish,
    PromptProgress,
    Thought,
    TokenLogprob,
    ToolCall,
    ToolCallPart,
)
from localqwq.server.http.accounts import account_of, course, finish_details, finish_reason
from localqwq.server.http.blocks import joined
from localqwq.version import __version__

Json = dict[str, Any]


FINGERPRINT = f"b{__version__}-{llama_version()}"
"""The identity of the answering program: the same seed may answer differently under another one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The common part of every chunk of one response."""

    id: str
    created: int
    """Seconds since the epoch."""
    model: str


class Logprobs:
    """Collects log probabilities in OpenAI's form: those of the answer's tokens as ``content``.

    Those of the thought's tokens are beside them, as ``reasoning_content``.
    """

    def __init__(self) -> None:
        self._entries: dict[str, list[Json]] = {}

    def add(self, event: Thought | Answer) -> None:
        """Add those of an event."""
        if event.logprobs:
            name = "reasoning_content" if isinstance(event, Thought) else "content"
            entries = self._entries.setdefault(name, [])
            for entry in event.logprobs:
                entries.append(_logprob(entry) | {"top_logprobs": list(map(_logprob, entry.top))})

    def take(self) -> Json | None:
        """Return all since the last call; ``None`` if there are none."""
        if not self._entries:
            return None
        entries, self._entries = self._entries, {}
        return {"content": None, "refusal": None} | entries


class ChoiceWriter:
    """The chunks of one choice of a streamed response.

    Fields beyond OpenAI's: ``tokens`` counts the tokens of a chunk, ``prompt_progress`` (requested
    by ``progress``) shows how far the prompt is processed, ``finish_details`` beside the finish
    reason how thought and answer ended, and ``context`` that the context was recreated.
    """

    def __init__(
        self, head: Json, index: int = 0, *, progress: bool = False, with_course: bool = False
    ) -> None:
        """Set up; ``head``: the common part of every chunk; ``index``: of the choice.

        ``with_course``: whether the last chunk has its ``timings`` and ``sampling``.
        """
        self._head = head
        self._index = index
        self._progress = progress
        self._with_course = with_course
        self._delta: Json = {"role": "assistant"}
        """Additional content of the next delta: the role, once."""
        self._tokens = 0
        """Tokens without text since the last chunk."""
        self._logprobs = Logprobs()
        self._calls: dict[str, int] = {}
        """The index of each reported call, by its id."""

    def write(self, events: Sequence[Event]) -> list[Json]:
        """Return the chunks for simultaneous events: consecutive ones of one kind share a chunk."""
        chunks: list[Json] = []
        for event in joined(events):
            match event:
                case Thought() | Answer():
                    chunks += self._text(event)
                case ToolCallPart():
                    chunks += self._part(event)
                case ToolCall():
                    if event.id not in self._calls:
                        chunks.append(self._call(event.id, _call(event)))
                case ContextChanged():
                    chunks.append(self._chunk({}, None) | _context(event))
                case PromptProgress(done, total, cached):
                    if self._progress:
                        progress = {"total": total, "cache": cached, "processed": done}
                        chunks.append(self._chunk({}, None) | {"prompt_progress": progress})
                case Finish():
                    chunks.append(self._finish(event))
        return chunks

    def _text(self, event: Thought | Answer) -> Iterator[Json]:
        self._tokens += event.tokens
        self._logprobs.add(event)
        if event.text:
            name = "reasoning_content" if isinstance(event, Thought) else "content"
            yield self._chunk({name: event.text}, None) | {"tokens": self._tokens}
            self._tokens = 0

    def _part(self, part: ToolCallPart) -> Iterator[Json]:
        self._tokens += part.tokens
        if part.id not in self._calls:
            yield self._call(part.id, _call(ToolCall(part.id, part.name, part.arguments)))
        elif part.arguments:
            yield self._call(part.id, {"function": {"arguments": part.arguments}})

    def _call(self, id_: str, fields: Json) -> Json:
        index = self._calls.setdefault(id_, len(self._calls))
        chunk = self._chunk({"tool_calls": [{"index": index, **fields}]}, None)
        chunk["tokens"], self._tokens = self._tokens, 0
        return chunk

    def _finish(self, finish: Finish) -> Json:
        chunk = self._chunk({}, finish_reason(finish))
        chunk["choices"][0] |= finish_details(finish)
        if self._with_course:
            chunk["choices"][0] |= course(finish)
        return chunk

    def _chunk(self, delta: Json, reason: str | None) -> Json:
        delta, self._delta = self._delta | delta, {}
        logprobs = self._logprobs.take()
        choice = {
            "index": self._index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": reason,
        }
        return self._head | {"choices": [choice]}


class ChunkWriter:
    """The chunks of one streamed response.

    The last one, if ``usage`` requests it, has the token counts and for a single choice ``timings``
    and ``sampling``, which are not OpenAI's; of several choices each has its own.
    """

    def __init__(
        self, identity: Identity, *, usage: bool, progress: bool, choices: int = 1
    ) -> None:
        self._head = head = chunk_head(identity)
        self._usage = usage
        self._choices = [
            ChoiceWriter(
                head,
                index,
                progress=progress and index == 0,
                with_course=usage and choices > 1,
            )
            for index in range(choices)
        ]
        self._finishes: dict[int, Finish] = {}

    def write(self, events: Sequence[Event], index: int = 0) -> list[Json]:
        """Return the chunks for simultaneous events of one choice."""
        chunks = self._choices[index].write(events)
        if events and isinstance(events[-1], Finish):
            self._finishes[index] = events[-1]
            if self._usage and len(self._finishes) == len(self._choices):
                counts = account_of(_in_order(self._finishes), len(self._choices))
                chunks.append(self._head | {"choices": []} | counts)
        return chunks


def response(identity: Identity, *choices: Iterable[Event]) -> Json:
    """Return the whole response to a request without a stream, from each choice's events."""
    body = _head(identity, "chat.completion") | {"choices": []}
    finishes: dict[int, Finish] = {}
    for index, events in enumerate(choices):
        written = WholeChoice(index)
        for event in events:
            written.add(event)
            if isinstance(event, ContextChanged):
                body |= _context(event)
            elif isinstance(event, Finish):
                finishes[index] = event
                several = course(event) if len(choices) > 1 else {}
                body["choices"].append(written.end(event) | several)
    return body | account_of(_in_order(finishes), len(choices))


class WholeChoice:
    """Collects one choice of a response.

    A call that was cut off is included as far as it went, as in a stream; the finish reason tells.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        self._thoughts: list[str] = []
        self._answers: list[str] = []
        self._calls: dict[str, ToolCall] = {}
        self._logprobs = Logprobs()

    def add(self, event: Event) -> None:
        """Add one event."""
        match event:
            case Thought(text):
                self._thoughts.append(text)
                self._logprobs.add(event)
            case Answer(text):
                self._answers.append(text)
                self._logprobs.add(event)
            case ToolCallPart(id_, name, arguments):
                told = self._calls.get(id_, ToolCall(id_, name, ""))
                self._calls[id_] = replace(told, arguments=told.arguments + arguments)
            case ToolCall():
                self._calls[event.id] = event

    def end(self, finish: Finish) -> Json:
        """Return the choice."""
        message: Json = {"role": "assistant", "content": "".join(self._answers)}
        if thought := "".join(self._thoughts):
            message["reasoning_content"] = thought
        if self._calls:
            message["tool_calls"] = list(map(_call, self._calls.values()))
        choice = {"index": self._index, "message": message, "logprobs": self._logprobs.take()}
        return choice | {"finish_reason": finish_reason(finish)} | finish_details(finish)


def _in_order(finishes: Mapping[int, Finish]) -> list[Finish]:
    return [finishes[index] for index in sorted(finishes)]


def chunk_head(identity: Identity) -> Json:
    """Return the common part of every chunk of a stream."""
    return _head(identity, "chat.completion.chunk")


def _head(identity: Identity, kind: str) -> Json:
    return {
        "id": identity.id,
        "object": kind,
        "created": identity.created,
        "model": identity.model,
        "system_fingerprint": FINGERPRINT,
    }


def _logprob(entry: TokenLogprob) -> Json:
    return {"token": entry.text, "logprob": entry.logprob, "bytes": list(entry.bytes)}


def _call(call: ToolCall) -> Json:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _context(changed: ContextChanged) -> Json:
    return {"context": {"tokens": changed.context, "rope_factor": changed.factor}}
