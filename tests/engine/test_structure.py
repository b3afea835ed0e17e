"""Tool calls and answers of a given form, through the engine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localqwq.engine.engine import Engine, GenerationRequest, RequestRefused
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.locations import demo_checkpoint
from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    Thought,
    ToolCall,
    ToolCallPart,
)

GREEDY = Sampling(temperature=0)
PRODUCT = [{"role": "user", "content": "What is 12 * 34?"}]
GREETING = [{"role": "user", "content": "Hello!"}]
CALCULATOR = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "parameters": {
            "type": "object",
            "properties": {"limit": {"type": "integer", "minimum": 1, "maximum": 3}},
            "required": ["limit"],
        },
    },
}
COLOURS = {
    "type": "json_schema",
    "json_schema": {
        "name": "colours",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "sure": {"type": "boolean"},
                "colour": {"enum": ["red", "</think>", "<tool_call>{}</tool_call>"]},
            },
            "required": ["sure", "colour"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(scope="module")
def text_engine(demo_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demo with a vocabulary whose tags are plain text, as some distillations have it."""
    path = tmp_path_factory.mktemp("plain") / "plain.gguf"
    data = demo_gguf.read_bytes()
    for tag in (b"<think>", b"</think>", b"<tool_call>", b"</tool_call>"):
        # The first place is the vocabulary's; the template comes after it.
        at = data.index(len(tag).to_bytes(8, "little") + tag) + 8
        data = data[:at] + b"\x01" * len(tag) + data[at + len(tag) :]
    path.write_bytes(data)
    with Engine.load(path, LoadOptions(context=1024, threads=1)) as engine:
        yield engine


@pytest.fixture(scope="module")
def opening_engine(demo_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demo with a template that leaves it to the model to open its thought."""
    path = tmp_path_factory.mktemp("opening") / "opening.gguf"
    data = demo_gguf.read_bytes()
    opened = rb"<think>\n' }}" + b"\n{%- endif %}"
    left = b"' }}{#<think>#}\n{%-endif%}"
    assert data.count(opened) == 1
    assert len(opened) == len(left)
    path.write_bytes(data.replace(opened, left))
    with Engine.load(path, LoadOptions(context=1024, threads=1)) as engine:
        yield engine


def run(engine: Engine, **values: Any) -> list[Event]:
    """The events of one generation, whose token counts add up."""
    request: dict[str, Any] = {"messages": PRODUCT, "sampling": GREEDY, "max_tokens": 300} | values
    events = list(engine.generate(GenerationRequest(**request)))
    end = finish(events)
    counted = [
        event.tokens for event in events if isinstance(event, Thought | Answer | ToolCallPart)
    ]
    assert sum(counted) == end.usage.completion_tokens
    return events


def finish(events: list[Event]) -> Finish:
    """The last event."""
    assert isinstance(events[-1], Finish)
    return events[-1]


def calls(events: list[Event]) -> list[tuple[str, Any]]:
    """The calls, which are what their parts told."""
    whole = [event for event in events if isinstance(event, ToolCall)]
    for call in whole:
        parts = [part for part in events if isinstance(part, ToolCallPart) and part.id == call.id]
        assert "".join(part.name for part in parts) == call.name
        assert "".join(part.arguments for part in parts) == call.arguments
    return [(call.name, json.loads(call.arguments)) for call in whole]


def answer(events: list[Event]) -> str:
    """All of the answer."""
    return "".join(event.text for event in events if isinstance(event, Answer))


def test_a_call_of_its_own(engine: Engine) -> None:
    """As without a grammar: what the model wants is allowed."""
    events = run(engine, tools=[CALCULATOR])
    assert calls(events) == [("calculator", {"expression": "12 * 34"})]
    assert (answer(events), finish(events).reason) == ("", "tool_calls")
    parts = [event for event in events if isinstance(event, ToolCallPart)]
    assert len(parts) > 4


def test_a_tool_the_model_was_not_trained_on(engine: Engine) -> None:
    """It calls what there is, with arguments of its schema."""
    for seed in range(5):
        sampling = Sampling(temperature=2, top_k=0, top_p=1, seed=seed)
        events = run(
            engine,
            tools=[SEARCH],
            tool_choice="required",
            sampling=sampling,
            reasoning_budget=0,
        )
        name, arguments = calls(events)[0]
        assert name == "search"
        assert arguments["limit"] in (1, 2, 3)


@pytest.mark.parametrize("choice", ["required", "search", "calculator"])
def test_a_call_that_is_demanded(engine: Engine, choice: str) -> None:
    """After the thought, whatever the model thinks; one call only where several are not wanted."""
    events = run(
        engine,
        messages=GREETING,
        tools=[SEARCH, CALCULATOR],
        tool_choice=choice,
        parallel_tool_calls=False,
    )
    ((name, _),) = calls(events)
    assert name == choice or choice == "required"
    assert answer(events) == ""
    assert any(isinstance(event, Thought) and event.text for event in events)
    assert finish(events).reason == "tool_calls"


def test_a_call_is_demanded_without_a_thought(engine: Engine) -> None:
    """The thought is closed by its budget, and then comes the call."""
    events = run(
        engine, messages=GREETING, tools=[CALCULATOR], tool_choice="required", reasoning_budget=0
    )
    assert calls(events)
    assert finish(events).thought == "budget"


def test_several_calls(engine: Engine) -> None:
    """Each has its grammar from the beginning: here two are demanded by the biases."""
    opening = engine._model.tags.call_open
    assert opening is not None
    events = run(
        engine,
        tools=[SEARCH],
        tool_choice="required",
        sampling=Sampling(temperature=2, top_k=0, top_p=1, seed=3),
        logit_bias={opening: 100.0},
        reasoning_budget=0,
        max_tokens=200,
    )
    found = calls(events)
    assert len(found) >= 2
    assert all(name == "search" and arguments["limit"] in (1, 2, 3) for name, arguments in found)


def test_a_call_that_is_cut_off(engine: Engine) -> None:
    """Its parts are told, but there is no call."""
    whole = run(engine, tools=[CALCULATOR])
    limit = finish(whole).usage.completion_tokens - 5
    events = run(engine, tools=[CALCULATOR], max_tokens=limit)
    assert calls(events) == []
    assert any(isinstance(event, ToolCallPart) for event in events)
    assert finish(events).reason == "length"


@pytest.mark.parametrize("temperature", [0, 2])
def test_the_answer_has_its_form(engine: Engine, temperature: float) -> None:
    """By many seeds."""
    for seed in range(8 if temperature else 1):
        sampling = Sampling(temperature=temperature, top_k=0, top_p=1, seed=seed)
        events = run(engine, response_format=COLOURS, sampling=sampling, reasoning_budget=0)
        value = json.loads(answer(events))
        assert list(value) == ["sure", "colour"]
        assert isinstance(value["sure"], bool)
        assert not calls(events)
        assert finish(events).reason == "stop"


@pytest.mark.parametrize("value", ["</think>", "<tool_call>{}</tool_call>", "<think>", "`<think>"])
def test_what_looks_like_a_tag_is_text(engine: Engine, text_engine: Engine, value: str) -> None:
    """In an answer of a given form, with tags that are tokens and with tags that are text."""
    schema = {"type": "object", "properties": {"a": {"const": value}}, "required": ["a"]}
    form = {"type": "json_object", "schema": schema}
    for which in (engine, text_engine):
        events = run(which, response_format=form, reasoning_budget=0)
        assert json.loads(answer(events)) == {"a": value}
        tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
        events = run(which, tools=tools, tool_choice="f", reasoning_budget=0)
        assert calls(events)[0] == ("f", {"a": value})


def test_the_thought_is_not_held_to_the_form(engine: Engine) -> None:
    """It is the same as without a form."""
    thoughts = [
        [event.text for event in run(engine, response_format=form) if isinstance(event, Thought)]
        for form in (None, COLOURS)
    ]
    assert thoughts[0] == thoughts[1]


def test_a_turn_that_ends_in_the_thought(engine: Engine) -> None:
    """The thought is closed instead, since an answer of the form is wanted."""
    (end,) = engine.tokenize("<|im_end|>", begin=False, special=True)
    (close,) = engine.tokenize("</think>", begin=False, special=True)
    events = run(engine, response_format=COLOURS, logit_bias={end: 100.0, close: -100.0})
    assert list(json.loads(answer(events))) == ["sure", "colour"]
    assert finish(events).reason == "stop"


def test_any_object(engine: Engine) -> None:
    """``json_object`` at a high temperature: what ends is an object."""
    ended = 0
    for seed in range(60):
        if ended and seed >= 6:  # whether a seed ends is chance: one in five does
            break
        sampling = Sampling(temperature=2, top_k=0, top_p=1, seed=seed)
        form = {"type": "json_object"}
        events = run(engine, response_format=form, sampling=sampling, reasoning_budget=0)
        if finish(events).reason == "stop":
            assert isinstance(json.loads(answer(events)), dict)
            ended += 1
    assert ended


def test_a_form_and_tools(engine: Engine) -> None:
    """The model calls its tool or answers in the form; with calls done it may also end."""
    events = run(engine, response_format=COLOURS, tools=[CALCULATOR])
    assert calls(events) == [("calculator", {"expression": "12 * 34"})]
    assert finish(events).reason == "tool_calls"
    events = run(engine, response_format=COLOURS, tools=[CALCULATOR], messages=GREETING)
    assert calls(events) or json.loads(answer(events))


def test_the_end_cannot_be_banned(engine: Engine) -> None:
    """An answer that is complete ends, whatever the biases say."""
    events = run(engine, response_format=COLOURS, ignore_eos=True)
    assert json.loads(answer(events))
    assert finish(events).reason == "stop"


def test_logprobs_of_a_form(engine: Engine) -> None:
    """Those of the answer's tokens only; a call's are told to nobody."""
    events = run(engine, response_format=COLOURS, tools=[CALCULATOR], top_logprobs=1)
    thought = [event for event in events if isinstance(event, Thought)]
    assert sum(len(event.logprobs) for event in thought) > 0


@pytest.mark.parametrize("choice", ["auto", "required"])
def test_tags_that_are_text(text_engine: Engine, choice: str) -> None:
    """Calls are put in and closed by text."""
    assert text_engine._model.tags.by_id() == {}
    events = run(text_engine, tools=[SEARCH], tool_choice=choice, reasoning_budget=0)
    if choice == "required":
        name, arguments = calls(events)[0]
        assert (name, arguments["limit"] in (1, 2, 3)) == ("search", True)


def test_a_form_where_tags_are_text(text_engine: Engine) -> None:
    """A string of the answer that looks like a tag is one of its strings."""
    for seed in range(6):
        sampling = Sampling(temperature=2, top_k=0, top_p=1, seed=seed)
        events = run(
            text_engine,
            response_format=COLOURS,
            tools=[SEARCH],
            sampling=sampling,
            reasoning_budget=0,
        )
        for name, arguments in calls(events):
            assert (name, arguments["limit"] in (1, 2, 3)) == ("search", True)
        if text := answer(events):
            assert set(json.loads(text)) == {"sure", "colour"}


@pytest.mark.parametrize("seed", range(4))
def test_a_thought_that_the_model_opens(opening_engine: Engine, seed: int) -> None:
    """It may, before its call or the answer in its form; whether it does is its own affair."""
    think = opening_engine._model.tags.think_open
    assert think is not None
    sampling = Sampling(temperature=2, top_k=0, top_p=1, seed=seed)
    ends = opening_engine._model.all_ends  # a turn can end within its thought
    bias = {think: 100.0 if seed % 2 else -100.0, **dict.fromkeys(ends, -100.0)}
    values: dict[str, Any] = {"sampling": sampling, "logit_bias": bias, "reasoning_budget": 20}
    events = run(opening_engine, tools=[SEARCH], tool_choice="required", **values)
    assert calls(events)[0][1]["limit"] in (1, 2, 3)
    assert (finish(events).thought != "none") is bool(seed % 2)
    events = run(opening_engine, response_format=COLOURS, **values)
    assert set(json.loads(answer(events))) == {"sure", "colour"}
    assert (finish(events).thought != "none") is bool(seed % 2)


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"response_format": {"type": "yaml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        (
            {"response_format": {"type": "json_object", "schema": {"$ref": "http://x.example"}}},
            "response_format",
        ),
        ({"response_format": {"type": "json_object", "schema": {1, 2}}}, "response_format"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tool_choice": "weather", "tools": [SEARCH]}, "tool_choice"),
        (
            {"tools": [{"function": {"name": "f", "strict": True, "parameters": {"type": "x"}}}]},
            "tools",
        ),
    ],
)
def test_refusals(engine: Engine, values: dict[str, Any], param: str) -> None:
    """Before anything is read, naming the field."""
    with pytest.raises(RequestRefused) as caught:
        run(engine, **values)
    assert caught.value.param == param
