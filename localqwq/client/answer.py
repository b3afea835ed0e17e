"""The chunks of a streamed chat completion become events; pure, whatever server they come from."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from localqwq.client.errors import EndpointError, message_of
from localqwq.client.text_thoughts import TextEvent, TextThoughts
from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Event,
    Finish,
    FinishReason,
    PromptProgress,
    Reclassified,
    Thought,
    ThoughtEnd,
    Timings,
    ToolCall,
    ToolCallPart,
    Usage,
)

_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "loop": "loop",
}
"""Every other reason is an end like any other: ``stop``."""


@dataclass(slots=True)
class _PartialCall:
    """A tool call whose pieces come in several chunks."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class AnswerAssembler:
    """Keeps what must be remembered between the chunks of one answer.

    The server's own counts and timings win; where it sends none they are made from what was
    seen, a chunk counting as one token. ``thoughts`` finds those that come as text, as long as the
    server has not shown that it sends them apart. ``clock`` gives seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, thoughts: TextThoughts | None = None
    ) -> None:
        self._clock = clock
        self._thoughts = thoughts
        self._id: str | None = None
        self._start = clock()
        self._first: float | None = None
        self._thought_tokens = 0
        self._answer_tokens = 0
        self._thought = self._answered = False
        self._calls: dict[int, _PartialCall] = {}
        self._reason: str | None = None
        self._thought_end: ThoughtEnd | None = None
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] | None = None
        self._sampling: dict[str, Any] = {}

    @property
    def id(self) -> str | None:
        """The completion's id, as soon as a chunk has told it."""
        return self._id

    @property
    def complete(self) -> bool:
        """Whether the server has said why it ended."""
        return self._reason is not None

    def feed(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """The events in one chunk; raises ``EndpointError`` for a chunk that is an error."""
        if chunk.get("error"):
            raise EndpointError(message_of(chunk) or "The server reported an unnamed error.")
        if self._id is None and isinstance(id_ := chunk.get("id"), str):
            self._id = id_
        if progress := chunk.get("prompt_progress"):
            yield PromptProgress(progress["processed"], progress["total"], progress.get("cache", 0))
        if context := chunk.get("context"):
            yield ContextChanged(context["tokens"], context["rope_factor"])
        if choices := chunk.get("choices"):
            yield from self._choice(choices[0], chunk.get("tokens", 1))
        if usage := chunk.get("usage"):
            self._usage = usage
        if timings := chunk.get("timings"):
            self._timings = timings
        if sampling := chunk.get("sampling"):
            self._sampling = sampling

    def finish(self) -> Iterator[Event]:
        """The events at the end of the stream: the tool calls, and why it ended.

        A call that was cut off by the end is none, though its parts were told.
        """
        reason: FinishReason = _REASONS.get(self._reason or "stop", "stop")
        if self._thoughts is not None:
            yield from self._counted(self._thoughts.finish(whole=reason == "stop"))
        for call in self._calls.values():
            if reason != "length" or _is_json(call.arguments):
                yield ToolCall(call.id, call.name, call.arguments or "{}")
        if self._calls and reason == "stop":
            reason = "tool_calls"
        yield Finish(
            reason, self._counts(), self._measured(), self._sampling, self._end_of_thought()
        )

    def _choice(self, choice: dict[str, Any], tokens: int) -> Iterator[Event]:
        delta = choice.get("delta") or {}
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            if self._thoughts is not None:  # they come apart, so the text is no place for them
                yield from self._counted(self._thoughts.finish(whole=False))
                self._thoughts = None
            yield from self._counted([Thought(thought, tokens)])
            tokens = 0
        if answer := delta.get("content"):
            if self._thoughts is not None:
                yield from self._counted(self._thoughts.feed(answer, tokens))
            else:
                yield from self._counted([Answer(answer, tokens)])
            tokens = 0
        if calls := delta.get("tool_calls"):
            self._answer_tokens += tokens
            self._notice()
            for piece in calls:
                yield from self._call(piece, tokens)
                tokens = 0
        if reason := choice.get("finish_reason"):
            self._reason = reason
        if (end := (choice.get("finish_details") or {}).get("thought")) in get_args(ThoughtEnd):
            self._thought_end = end

    def _counted(self, events: Iterable[TextEvent]) -> Iterator[TextEvent]:
        for event in events:
            if isinstance(event, Reclassified):
                tokens = self._thought_tokens + self._answer_tokens
                self._thought = event.to == "thought"
                self._answered = not self._thought
                self._thought_tokens = tokens if self._thought else 0
                self._answer_tokens = tokens - self._thought_tokens
            elif isinstance(event, Thought):
                self._thought_tokens += event.tokens
                self._thought = True
            else:
                self._answer_tokens += event.tokens
                self._answered = True
            self._notice()
            yield event

    def _end_of_thought(self) -> ThoughtEnd:
        """As the server says it, or as far as the pieces tell."""
        if self._thought_end is not None:
            return self._thought_end
        if not self._thought:
            return "none"
        return "closed" if self._answered or self._calls else "unfinished"

    def _call(self, piece: dict[str, Any], tokens: int) -> Iterator[ToolCallPart]:
        call = self._calls.setdefault(piece.get("index", 0), _PartialCall())
        function = piece.get("function") or {}
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        call.id = call.id or piece.get("id") or f"call_{uuid.uuid4().hex[:24]}"
        call.name += name
        call.arguments += arguments
        if name:
            yield ToolCallPart(call.id, name, "", tokens)
            tokens = 0
        if arguments:
            yield ToolCallPart(call.id, "", arguments, tokens)

    def _notice(self) -> None:
        if self._first is None:
            self._first = self._clock()

    def _counts(self) -> Usage:
        usage = self._usage
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
        return Usage(
            prompt_tokens=usage.get("prompt_tokens") or 0,
            cached_tokens=cached or 0,
            reasoning_tokens=self._thought_tokens if reasoning is None else reasoning,
            completion_tokens=usage.get("completion_tokens")
            or self._thought_tokens + self._answer_tokens,
        )

    def _measured(self) -> Timings:
        timings = self._timings or {}
        if "generate_tps" in timings:
            return Timings(
                load_s=timings.get("load_s", 0.0),
                first_token_s=timings.get("first_token_s", 0.0),
                prompt_tps=timings.get("prompt_tps", 0.0),
                generate_tps=timings["generate_tps"],
            )
        now = self._clock()
        first = now if self._first is None else self._first
        later = self._thought_tokens + self._answer_tokens - 1
        return Timings(
            first_token_s=first - self._start,
            prompt_tps=timings.get("prompt_per_second", 0.0),
            generate_tps=timings.get("predicted_per_second")
            or (later / (now - first) if later > 0 and now > first else 0.0),
        )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
