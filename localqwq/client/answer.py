"""Converting chunks of a streamed chat completion to events; pure, for any server."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from localqwq.client.calls import CallAssembler
from localqwq.client.deltas import answer_in, calls_in, thought_in
from localqwq.client.errors import EndpointError, EndpointLost, engine_is_lost, message_of
from localqwq.client.json_values import count_in, number_in, object_in
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
    Usage,
)

_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "loop": "loop",
}
"""Any other reason is treated as an ordinary end: ``stop``."""
_FAILURES = frozenset(
    {"error", "abort", "aborted", "cancelled", "content_filter", "insufficient_system_resource"}
    | {"network_error"}
)
"""Reasons for which an answer is incomplete."""


class AnswerAssembler:
    """The state kept between the chunks of one answer.

    The server's own counts and timings win; if it sends none they are derived from what was seen,
    counting a chunk as one token. ``thoughts`` finds those in the text, unless the server has shown
    that it sends them separately. ``clock`` returns seconds.
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
        self._calls = CallAssembler()
        self._reason: str | None = None
        self.complete = False
        """Whether the server has said why it ended, or has sent everything at once."""
        self._thought_end: ThoughtEnd | None = None
        self._stop: str | None = None
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}
        self._sampling: dict[str, Any] = {}

    @property
    def id(self) -> str | None:
        """The completion's id, once a chunk has stated it."""
        return self._id

    @property
    def began(self) -> bool:
        """Whether there was any text or call."""
        return self._first is not None

    def feed(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """Yield the events in one chunk, or in a whole completion.

        Raises:
            EndpointError: the chunk is an error, or ends the answer with one; ``EndpointLost`` if
                the server's engine has ended.
        """
        if error := _error_in(chunk):
            raise EndpointLost(error) if engine_is_lost(chunk) else EndpointError(error)
        if self._id is None and isinstance(id_ := chunk.get("id"), str):
            self._id = id_
        if progress := chunk.get("prompt_progress"):
            yield PromptProgress(progress["processed"], progress["total"], progress.get("cache", 0))
        if context := chunk.get("context"):
            yield ContextChanged(context["tokens"], context["rope_factor"])
        if choices := chunk.get("choices"):
            tokens = chunk.get("tokens")  # llama-server has a list of them there
            counted = count_in(tokens) if isinstance(tokens, int) else 1
            yield from self._choice(choices[0], counted)
        self._usage = object_in(chunk.get("usage")) or self._usage
        self._timings = object_in(chunk.get("timings")) or self._timings
        self._sampling = object_in(chunk.get("sampling")) or self._sampling

    def finish(self) -> Iterator[Event]:
        """Yield the events at the end of the stream: the tool calls, and the finish reason.

        A call that was cut off by the end is dropped, although its parts were reported.
        """
        reason: FinishReason = _REASONS.get(self._reason or "stop", "stop")
        if self._thoughts is not None:
            yield from self._counted(self._thoughts.finish(whole=reason == "stop"))
        yield from self._calls.whole(cut=reason == "length")
        if self._calls and reason == "stop":
            reason = "tool_calls"
        yield Finish(
            reason,
            self._counts(),
            self._measured(),
            self._sampling,
            self._end_of_thought(),
            self._stop,
        )

    def give_up(self) -> Iterator[Event]:
        """Yield the text that was held back, for an answer that has failed."""
        if self._thoughts is not None:
            yield from self._counted(self._thoughts.finish(whole=False))

    def _choice(self, choice: dict[str, Any], tokens: int) -> Iterator[Event]:
        delta = object_in(choice.get("delta"))
        if not delta and not self.began:  # what came in deltas before is not reported again
            delta = object_in(choice.get("message"))
        if thought := thought_in(delta):
            if self._thoughts is not None:  # they are sent separately, so the text has none
                yield from self._counted(self._thoughts.finish(whole=False))
                self._thoughts = None
            yield from self._counted([Thought(thought, tokens)])
            tokens = 0
        if answer := answer_in(delta):
            if self._thoughts is not None:
                yield from self._counted(self._thoughts.feed(answer, tokens))
            else:
                yield from self._counted([Answer(answer, tokens)])
            tokens = 0
        if calls := calls_in(delta):
            self._answer_tokens += tokens
            self._notice()
            for piece in calls:
                yield from self._calls.add(piece, tokens)
                tokens = 0
        if reason := choice.get("finish_reason"):
            if str(reason).lower() in _FAILURES:
                raise EndpointError(
                    message_of(choice.get("error"))
                    or f"The server ended the answer with the finish_reason {reason!r}."
                )
            self._reason, self.complete = str(reason).lower(), True
        details = object_in(choice.get("finish_details"))
        if (end := details.get("thought")) in get_args(ThoughtEnd):
            self._thought_end = end
        if isinstance(stop := details.get("stop"), str):
            self._stop = stop
        if details.get("reason") == "loop":  # OpenAI's reasons have no word for it
            self._reason = "loop"

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
        """Return how the thought ended, as the server says, or as far as the pieces tell."""
        if self._thought_end is not None:
            return self._thought_end
        if not self._thought:
            return "none"
        return "closed" if self._answered or self._calls else "unfinished"

    def _notice(self) -> None:
        if self._first is None:
            self._first = self._clock()

    def _counts(self) -> Usage:
        usage = self._usage
        prompt = object_in(usage.get("prompt_tokens_details"))
        completion = object_in(usage.get("completion_tokens_details"))
        reasoning = completion.get("reasoning_tokens")
        counted = self._thought_tokens + self._answer_tokens
        return Usage(
            prompt_tokens=count_in(usage.get("prompt_tokens")),
            cached_tokens=count_in(prompt.get("cached_tokens")),
            reasoning_tokens=self._thought_tokens if reasoning is None else count_in(reasoning),
            completion_tokens=count_in(usage.get("completion_tokens")) or counted,
        )

    def _measured(self) -> Timings:
        timings = self._timings
        if "generate_tps" in timings:
            return Timings(
                load_s=number_in(timings.get("load_s")),
                first_token_s=number_in(timings.get("first_token_s")),
                prompt_tps=number_in(timings.get("prompt_tps")),
                generate_tps=number_in(timings["generate_tps"]),
            )
        now = self._clock()
        first = now if self._first is None else self._first
        later = self._thought_tokens + self._answer_tokens - 1
        return Timings(
            first_token_s=first - self._start,
            prompt_tps=number_in(timings.get("prompt_per_second")),
            generate_tps=number_in(timings.get("predicted_per_second"))
            or (later / (now - first) if later > 0 and now > first else 0.0),
        )


def _error_in(chunk: Mapping[str, Any]) -> str | None:
    """Return the server's message in an error chunk of any shape."""
    named = chunk.get("object") == "error" or chunk.get("type") == "error"
    if chunk.get("error") or named or ("detail" in chunk and "choices" not in chunk):
        return message_of(chunk) or "The server reported an error without a message."
    return None
