"""Events become OpenAI's JSON: the chunks of a stream, or one whole response; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    PromptProgress,
    Thought,
    ToolCall,
    Usage,
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """What every chunk of one response repeats."""

    id: str
    created: int
    """Seconds since the epoch."""
    model: str


class ChunkWriter:
    """The chunks of one streamed response.

    Fields beyond OpenAI's: ``tokens`` counts what a chunk holds, ``prompt_progress`` (where
    ``progress`` asks for it) tells how far the prompt is read, and the usage chunk (where ``usage``
    asks for it) has ``timings`` and ``sampling``.
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
        self._calls = 0

    def write(self, events: Sequence[Event]) -> list[Json]:
        """The chunks for events that came together: neighbours of one kind share a chunk."""
        chunks: list[Json] = []
        for event in _joined(events):
            match event:
                case Thought(text, tokens):
                    chunks += self._text("reasoning_content", text, tokens)
                case Answer(text, tokens):
                    chunks += self._text("content", text, tokens)
                case ToolCall():
                    call = {"index": self._calls, **_call(event)}
                    self._calls += 1
                    chunks.append(self._chunk({"tool_calls": [call]}, None))
                case PromptProgress(done, total, cached):
                    if self._progress:
                        progress = {"total": total, "cache": cached, "processed": done}
                        chunks.append(self._chunk({}, None) | {"prompt_progress": progress})
                case Finish():
                    chunks.append(self._chunk({}, event.reason))
                    if self._usage:
                        chunks.append(self._head | {"choices": []} | _account(event))
        return chunks

    def _text(self, name: str, text: str, tokens: int) -> Iterator[Json]:
        self._tokens += tokens
        if text:
            yield self._chunk({name: text}, None) | {"tokens": self._tokens}
            self._tokens = 0

    def _chunk(self, delta: Json, reason: str | None) -> Json:
        delta, self._delta = self._delta | delta, {}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._head | {"choices": [choice]}


def response(identity: Identity, events: Iterable[Event]) -> Json:
    """The whole response to a request that did not ask for a stream."""
    thoughts: list[str] = []
    answers: list[str] = []
    calls: list[Json] = []
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
            case Answer(text):
                answers.append(text)
            case ToolCall():
                calls.append(_call(event))
            case Finish(reason):
                message: Json = {"role": "assistant", "content": "".join(answers)}
                if thoughts:
                    message["reasoning_content"] = "".join(thoughts)
                if calls:
                    message["tool_calls"] = calls
                choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
                body |= {"choices": [choice]} | _account(event)
    return body


def _joined(events: Iterable[Event]) -> list[Event]:
    """The events, with neighbouring pieces of one thought or answer put together."""
    joined: list[Event] = []
    for event in events:
        match joined[-1] if joined else None, event:
            case (Thought(before, count), Thought(text, tokens)):
                joined[-1] = Thought(before + text, count + tokens)
            case (Answer(before, count), Answer(text, tokens)):
                joined[-1] = Answer(before + text, count + tokens)
            case (PromptProgress(), PromptProgress()):
                joined[-1] = event
            case _:
                joined.append(event)
    return joined


def _call(call: ToolCall) -> Json:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _account(finish: Finish) -> Json:
    return {
        "usage": _usage(finish.usage),
        "timings": asdict(finish.timings),
        "sampling": finish.sampling,
    }


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
