"""Events become OpenAI's JSON: the chunks of a stream, or one whole response; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from localqwq.server.http.accounts import account

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """What every chunk of one response repeats."""

    id: str
    created: int
    """Seconds since the epoch."""
    model: str


class Logprobs:
    """Gathers log probabilities in OpenAI's form: those of the answer's tokens as ``content``.

    Those of the thought's are beside them, as ``reasoning_content``.
    """

    def __init__(self) -> None:
        self._entries: dict[str, list[Json]] = {}

    def add(self, event: Thought | Answer) -> None:
        """Take in an event's."""
        if event.logprobs:
            name = "reasoning_content" if isinstance(event, Thought) else "content"
            entries = self._entries.setdefault(name, [])
            for entry in event.logprobs:
                entries.append(_logprob(entry) | {"top_logprobs": list(map(_logprob, entry.top))})

    def take(self) -> Json | None:
        """All since the last time; ``None`` for none."""
        if not self._entries:
            return None
        entries, self._entries = self._entries, {}
        return {"content": None, "refusal": None} | entries


class ChunkWriter:
    """The chunks of one streamed response.

    Fields beyond OpenAI's: ``tokens`` counts what a chunk holds, ``prompt_progress`` (where
    ``progress`` asks for it) tells how far the prompt is read, ``finish_details`` beside the finish
    reason how the thought ended, ``context`` that the context was made anew, and the usage chunk
    (where ``usage`` asks for it) has ``timings`` and ``sampling``.
    """

    def __init__(self, identity: Identity, *, usage: bool, progress: bool) -> None:
        self._head: Json = {
            "id": identity.id,
            "object": "chat.completion.chunk",
            "created": identity.created,
            "model": identity.model,
        }
        self._usage = usage
        self._progress = progress
        self._delta: Json = {"role": "assistant"}
        """What the next delta says besides its text: the role, once."""
        self._tokens = 0
        """Tokens that came without text since the last chunk."""
        self._logprobs = Logprobs()
        self._calls: dict[str, int] = {}
        """The index of each call that was told, by its id."""

    def write(self, events: Sequence[Event]) -> list[Json]:
        """The chunks for events that came together: neighbours of one kind share a chunk."""
        chunks: list[Json] = []
        for event in _joined(events):
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
                    if self._usage:
                        chunks.append(self._head | {"choices": []} | account(event))
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
        chunk = self._chunk({}, finish.reason)
        chunk["choices"][0] |= _details(finish)
        return chunk

    def _chunk(self, delta: Json, reason: str | None) -> Json:
        delta, self._delta = self._delta | delta, {}
        logprobs = self._logprobs.take()
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return self._head | {"choices": [choice]}


def response(identity: Identity, events: Iterable[Event]) -> Json:
    """The whole response to a request that did not ask for a stream.

    A call that was cut off is in it as far as it went, as in a stream; the finish reason tells.
    """
    thoughts: list[str] = []
    answers: list[str] = []
    calls: dict[str, ToolCall] = {}
    logprobs = Logprobs()
    body: Json = {
        "id": identity.id,
        "object": "chat.completion",
        "created": identity.created,
        "model": identity.model,
    }
    for event in events:
        match event:
            case Thought(text):
                thoughts.append(text)
                logprobs.add(event)
            case Answer(text):
                answers.append(text)
                logprobs.add(event)
            case ToolCallPart(id_, name, arguments):
                told = calls.get(id_, ToolCall(id_, name, ""))
                calls[id_] = replace(told, arguments=told.arguments + arguments)
            case ToolCall():
                calls[event.id] = event
            case ContextChanged():
                body |= _context(event)
            case Finish(reason):
                message: Json = {"role": "assistant", "content": "".join(answers)}
                if thoughts:
                    message["reasoning_content"] = "".join(thoughts)
                if calls:
                    message["tool_calls"] = list(map(_call, calls.values()))
                choice = {"index": 0, "message": message, "logprobs": logprobs.take()}
                choice |= {"finish_reason": reason} | _details(event)
                body |= {"choices": [choice]} | account(event)
    return body


def _joined(events: Iterable[Event]) -> list[Event]:
    """The events, with neighbouring pieces of one thought or answer put together."""
    joined: list[Event] = []
    for event in events:
        match joined[-1] if joined else None, event:
            case (Thought(before, count, some), Thought(text, tokens, more)):
                joined[-1] = Thought(before + text, count + tokens, some + more)
            case (Answer(before, count, some), Answer(text, tokens, more)):
                joined[-1] = Answer(before + text, count + tokens, some + more)
            case (ToolCallPart(id_, "", before, count), ToolCallPart(same, "", text, tokens)) if (
                id_ == same
            ):
                joined[-1] = ToolCallPart(id_, "", before + text, count + tokens)
            case (PromptProgress(), PromptProgress()):
                joined[-1] = event
            case _:
                joined.append(event)
    return joined


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


def _details(finish: Finish) -> Json:
    return {"finish_details": {"thought": finish.thought}}
