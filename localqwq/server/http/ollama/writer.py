"""Converting a turn's events to Ollama's JSON: a stream's lines, or one whole answer; pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from localqwq.reasoning.events import Answer, Event, Finish, Thought, ToolCall
from localqwq.server.http.accounts import (
    finish_details,
    finish_reason,
    generation_seconds,
    prompt_seconds,
)
from localqwq.server.http.blocks import arguments_object, joined
from localqwq.server.http.chunks import Logprobs

Json = dict[str, Any]
_NANOSECONDS = 10**9


@dataclass(frozen=True, slots=True)
class OllamaForm:
    """What is known of an answer at its beginning."""

    kind: Literal["chat", "generate"]
    model: str
    began: int
    """When the request came, in nanoseconds since the epoch."""
    now: Callable[[], int]
    """Returns the time in nanoseconds since the epoch."""

    def line(self, text: str = "", thought: str = "", calls: Sequence[Json] = ()) -> Json:
        """Return a line with a piece of the answer; without arguments, one with an empty piece."""
        line = self._head(text, thought)
        if calls:
            line["message"]["tool_calls"] = list(calls)
        return line | {"done": False}

    def moved(self, *, unload: bool) -> Json:
        """Return the answer to a request that only wants the model loaded, or unloaded."""
        return self._head("", "") | {"done": True, "done_reason": "unload" if unload else "load"}

    def end(self, finish: Finish, **pieces: Any) -> Json:
        """Return the last line; ``pieces`` are those of :meth:`line`."""
        counts = finish.usage
        return self.line(**pieces) | {
            "done": True,
            "done_reason": "length" if finish_reason(finish) == "length" else "stop",
            "total_duration": max(0, self.now() - self.began),
            "load_duration": 0,  # it was loaded before
            "prompt_eval_count": counts.prompt_tokens,
            "prompt_eval_duration": round(prompt_seconds(finish) * _NANOSECONDS),
            "eval_count": counts.completion_tokens,
            "eval_duration": round(generation_seconds(finish) * _NANOSECONDS),
            **finish_details(finish),
        }

    def _head(self, text: str, thought: str) -> Json:
        moment = datetime.fromtimestamp(self.now() / _NANOSECONDS, UTC)
        head = {"model": self.model, "created_at": moment.isoformat().replace("+00:00", "Z")}
        thinking = {"thinking": thought} if thought else {}
        if self.kind == "chat":
            return head | {"message": {"role": "assistant", "content": text} | thinking}
        return head | {"response": text} | thinking


class OllamaWriter:
    """The lines of one streamed answer."""

    def __init__(self, form: OllamaForm) -> None:
        self._form = form
        self._calls = 0

    def write(self, events: Sequence[Event]) -> list[Json]:
        """Return the lines for simultaneous events of the turn."""
        lines = []
        for event in joined(events):
            match event:
                case Thought(text):
                    lines += _with_logprobs([event], self._form.line(thought=text), text)
                case Answer(text):
                    lines += _with_logprobs([event], self._form.line(text), text)
                case ToolCall():
                    lines.append(self._form.line(calls=[_call(event, self._calls)]))
                    self._calls += 1
                case Finish():
                    lines.append(self._form.end(event))
        return lines


def whole_answer(form: OllamaForm, events: Sequence[Event]) -> Json:
    """Return the whole answer of a finished turn.

    A call that was cut off is left out: a program would run it.
    """
    end = events[-1]
    assert isinstance(end, Finish)
    calls = [event for event in events if isinstance(event, ToolCall)]
    answer = form.end(
        end,
        text="".join(event.text for event in events if isinstance(event, Answer)),
        thought="".join(event.text for event in events if isinstance(event, Thought)),
        calls=[_call(call, index) for index, call in enumerate(calls)],
    )
    [whole] = _with_logprobs(events, answer, "always")
    return whole


def _with_logprobs(events: Iterable[Event], line: Json, text: str) -> list[Json]:
    """Return the line with the probabilities of its tokens; none without any text or tokens."""
    collected = Logprobs()
    for event in events:
        if isinstance(event, Thought | Answer):
            collected.add(event)
    found = collected.take() or {}
    entries = [*found.get("reasoning_content", ()), *(found.get("content") or ())]
    if entries:
        line["logprobs"] = entries
    return [line] if text or entries else []


def _call(call: ToolCall, index: int) -> Json:
    arguments = arguments_object(call.arguments)
    function = {"index": index, "name": call.name, "arguments": arguments}
    return {"id": call.id, "function": function}
