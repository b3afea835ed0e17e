"""Chunks of many kinds of servers become the same events."""

from typing import Any

import pytest

from localqwq.client.answer import AnswerAssembler
from localqwq.client.errors import EndpointError
from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Event,
    Finish,
    PromptProgress,
    Thought,
    ToolCall,
    ToolCallPart,
)


def delta(reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


def assemble(*chunks: dict[str, Any], seconds: float = 1.0) -> list[Event]:
    """The events of a whole stream; the clock moves on by ``seconds`` at each look."""
    times = iter(range(1000))
    assembler = AnswerAssembler(lambda: next(times) * seconds)
    events = [event for chunk in chunks for event in assembler.feed(chunk)]
    return events + list(assembler.finish())


def finish(events: list[Event]) -> Finish:
    """The last event."""
    assert isinstance(events[-1], Finish)
    return events[-1]


def test_thought_and_answer() -> None:
    """Under QwQ's names, and under the one that others use for the thought."""
    events = assemble(
        delta(role="assistant", content=""),
        delta(reasoning_content="a"),
        delta(reasoning="b"),
        delta(content="c"),
        delta("stop"),
    )
    assert events[:-1] == [Thought("a"), Thought("b"), Answer("c")]


def test_counts_are_made_where_none_are_sent() -> None:
    """A chunk is a token then, and rates come from the clock."""
    end = finish(assemble(delta(reasoning_content="a"), delta(content="b"), delta(content="c")))
    assert end.usage.reasoning_tokens == 1
    assert end.usage.completion_tokens == 3
    assert end.timings.first_token_s == 1.0
    assert end.timings.generate_tps == 2.0


def test_the_servers_own_counts_win() -> None:
    """Usage, timings and sampling as localqwq's server sends them."""
    last = {
        "choices": [],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 7},
        },
        "timings": {"load_s": 1, "first_token_s": 2, "prompt_tps": 3, "generate_tps": 4},
        "sampling": {"seed": 8},
    }
    end = finish(assemble(delta(content="a") | {"tokens": 2}, delta("length"), last))
    assert (end.reason, end.sampling) == ("length", {"seed": 8})
    assert (end.usage.cached_tokens, end.usage.reasoning_tokens) == (4, 7)
    assert (end.usage.completion_tokens, end.usage.total_tokens) == (9, 14)
    assert (end.timings.load_s, end.timings.generate_tps) == (1, 4)


def test_how_the_thought_ended() -> None:
    """As localqwq's server says it, else as far as the pieces tell; a loop is a reason."""
    details = {"finish_details": {"thought": "budget"}}
    last = delta("loop")
    last["choices"][0] |= details
    end = finish(assemble(delta(reasoning_content="a"), last))
    assert (end.reason, end.thought) == ("loop", "budget")
    assert finish(assemble(delta(content="a"), delta("stop"))).thought == "none"
    assert finish(assemble(delta(reasoning="a"), delta("length"))).thought == "unfinished"
    both = assemble(delta(reasoning="a"), delta(content="b"), delta("stop"))
    assert finish(both).thought == "closed"


def test_the_completions_id() -> None:
    """Known from the first chunk that has one."""
    assembler = AnswerAssembler()
    assert assembler.id is None
    list(assembler.feed(delta(role="assistant") | {"id": "c-1"}))
    list(assembler.feed(delta(content="a") | {"id": "c-2"}))
    assert assembler.id == "c-1"


def test_rates_of_llama_server() -> None:
    """Its names for the same two rates."""
    timings = {"prompt_per_second": 30.0, "predicted_per_second": 10.0}
    end = finish(assemble(delta(content="a"), {**delta("stop"), "timings": timings}))
    assert (end.timings.prompt_tps, end.timings.generate_tps) == (30.0, 10.0)


def test_tool_calls_in_pieces() -> None:
    """Two calls whose names and arguments come in several deltas, by index."""
    events = assemble(
        delta(tool_calls=[{"index": 0, "id": "x", "function": {"name": "f", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
        delta(tool_calls=[{"index": 1, "id": "y", "function": {"name": "g"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": " 1}"}}]),
        delta("tool_calls"),
    )
    assert events[:-1] == [
        ToolCallPart("x", "f", "", 1),
        ToolCallPart("x", "", '{"a":', 1),
        ToolCallPart("y", "g", "", 1),
        ToolCallPart("x", "", " 1}", 1),
        ToolCall("x", "f", '{"a": 1}'),
        ToolCall("y", "g", "{}"),
    ]
    assert finish(events).reason == "tool_calls"


def test_a_call_without_an_id() -> None:
    """It gets one, the same for its parts and the whole."""
    call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    name, arguments, whole, _ = assemble(delta("tool_calls", tool_calls=[call]))
    assert isinstance(name, ToolCallPart)
    assert isinstance(arguments, ToolCallPart)
    assert isinstance(whole, ToolCall)
    assert name.id == arguments.id == whole.id != ""


def test_a_call_that_is_cut_off() -> None:
    """Its parts were told, but it is no call."""
    call = {"index": 0, "id": "x", "function": {"name": "f", "arguments": '{"a"'}}
    events = assemble(delta(tool_calls=[call]), delta("length"))
    assert [type(event) for event in events] == [ToolCallPart, ToolCallPart, Finish]
    assert finish(events).reason == "length"


def test_a_new_context() -> None:
    """Under localqwq's server's name."""
    context = {"context": {"tokens": 40960, "rope_factor": 1.25}}
    assert assemble({**delta(), **context})[0] == ContextChanged(40960, 1.25)


def test_prompt_progress() -> None:
    """Under llama-server's names."""
    progress = {"total": 10, "cache": 2, "processed": 6, "time_ms": 5}
    events = assemble({**delta(), "prompt_progress": progress})
    assert events[0] == PromptProgress(done=6, total=10, cached=2)


@pytest.mark.parametrize("error", [{"message": "No memory.", "code": 500}, "No memory."])
def test_an_error_in_the_stream(error: Any) -> None:
    """The server's own sentence is raised."""
    with pytest.raises(EndpointError, match=r"^No memory\.$"):
        assemble({"error": error})
