"""Ollama's API is a translation: of the request, and of the turn's events."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    Thought,
    Timings,
    TokenLogprob,
    ToolCallPart,
)
from localqwq.server.http.body import parse_body
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.inner_request import chat_request
from localqwq.server.http.ollama.schema import OllamaChat, OllamaGenerate
from localqwq.server.http.ollama.translation import check_context, to_chat, to_text, unknown
from localqwq.server.http.ollama.writer import OllamaForm, OllamaWriter, whole_answer
from localqwq.server.http.schema import ChatRequest
from tests.drawn_turns import (
    TOOLS,
    USAGE,
    Json,
    Turn,
    answers,
    chat_messages,
    conversations,
    streamed,
    words,
)

SECOND = 10**9
FORM = OllamaForm("chat", "demo", began=3 * SECOND, now=lambda: 5 * SECOND)
SINGLE = OllamaForm("generate", "demo", began=3 * SECOND, now=lambda: 5 * SECOND)


def chat(**fields: Any) -> ChatRequest:
    """The chat completion that a request amounts to."""
    body = {"messages": [{"role": "user", "content": "Hi"}], **fields}
    return to_chat(parse_body(OllamaChat, json.dumps(body).encode()))


def generate(**fields: Any) -> OllamaGenerate:
    """The request for one prompt."""
    return parse_body(OllamaGenerate, json.dumps({"prompt": "Hi", **fields}).encode())


def sent_back(turns: Sequence[Turn], last: str) -> list[Json]:
    """The conversation as a client of this API sends it back."""
    messages: list[Json] = []
    for turn in turns:
        message = whole_answer(FORM, turn.events)["message"]
        messages += [{"role": "user", "content": turn.said}, message]
        messages += [
            {"role": "tool", "tool_call_id": id_, "content": text} for id_, text in turn.results
        ]
    return [*messages, {"role": "user", "content": last}]


@given(conversations(), words)
def test_the_model_gets_what_chat_completions_send(turns: list[Turn], last: str) -> None:
    """Thoughts, calls and results come back as the client of the other API sends them."""
    ours = chat(messages=sent_back(turns, last), tools=TOOLS)
    theirs = chat_request({"messages": chat_messages(turns, last), "tools": TOOLS})
    assert ours.generation(Sampling()) == theirs.generation(Sampling())


@given(conversations(), words)
def test_results_without_ids_belong_to_the_calls_in_their_order(
    turns: list[Turn], last: str
) -> None:
    """As clients send them that know no ids."""
    messages = sent_back(turns, last)
    for message in messages:
        message.pop("tool_call_id", None)
        for call in message.get("tool_calls", ()):
            del call["id"]
    open_ids: list[str] = []
    for found in chat(messages=messages, tools=TOOLS).template_messages():
        if found["role"] == "assistant":
            assert not open_ids
            open_ids = [call["id"] for call in found.get("tool_calls", ())]
            assert len(set(open_ids)) == len(open_ids)
        elif found["role"] == "tool":
            assert found["tool_call_id"] == open_ids.pop(0)


def test_results_are_assigned_by_the_tools_name() -> None:
    """Whichever comes first."""
    calls: list[Json] = [
        {"function": {"name": name, "arguments": {}}} for name in ("look", "write")
    ]
    asked, *results = chat(
        messages=[
            {"role": "assistant", "content": "", "tool_calls": calls},
            {"role": "tool", "tool_name": "write", "content": "written"},
            {"role": "tool", "tool_name": "look", "content": "seen"},
        ]
    ).template_messages()
    ids = {call["function"]["name"]: call["id"] for call in asked["tool_calls"]}
    assert [one["tool_call_id"] for one in results] == [ids["write"], ids["look"]]


def assembled(lines: Sequence[Json]) -> Json:
    """The answer that a client makes of a stream."""
    texts = {"content": "", "thinking": ""}
    calls: list[Json] = []
    for line in lines:
        for name in texts:
            texts[name] += line["message"].get(name, "")
        calls += line["message"].get("tool_calls", [])
    message: Json = {"role": "assistant", "content": texts["content"]}
    message |= {"thinking": texts["thinking"]} if texts["thinking"] else {}
    message |= {"tool_calls": calls} if calls else {}
    return lines[-1] | {"message": message}


@given(answers(), st.lists(st.booleans(), min_size=1, max_size=5))
def test_a_stream_says_what_the_whole_answer_says(events: list[Event], cuts: list[bool]) -> None:
    """However the events are batched; only the last line is done."""
    lines = streamed(events, cuts, OllamaWriter(FORM).write)
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert assembled(lines) == whole_answer(FORM, events)


def test_durations_are_nanoseconds() -> None:
    """Of the request, and of prompt and answer from their speeds."""
    timings = Timings(prompt_tps=20.0, generate_tps=5.5)
    events: list[Event] = [Thought("So."), Answer("Yes."), Finish("stop", USAGE, timings)]
    answer = whole_answer(SINGLE, events)
    assert (answer["response"], answer["thinking"]) == ("Yes.", "So.")
    assert answer["created_at"] == "1970-01-01T00:00:05Z"
    assert answer["total_duration"] == 2 * SECOND
    assert answer["prompt_eval_count"] == 40
    assert answer["prompt_eval_duration"] == SECOND // 2  # 10 of them were in the cache
    assert (answer["eval_count"], answer["eval_duration"]) == (12, 2 * SECOND)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("stop", "stop"), ("tool_calls", "stop"), ("length", "length"), ("loop", "length")],
)
def test_reasons(reason: Any, told: str) -> None:
    """In Ollama's words."""
    assert whole_answer(FORM, [Finish(reason, USAGE, Timings())])["done_reason"] == told


def test_a_call_that_was_cut_off_is_left_out() -> None:
    """A program would run it."""
    events: list[Event] = [
        ToolCallPart("call_1", "look", ""),
        ToolCallPart("call_1", "", '{"at": "ho'),
        Finish("length", USAGE, Timings()),
    ]
    assert "tool_calls" not in whole_answer(FORM, events)["message"]
    assert [line["done"] for line in OllamaWriter(FORM).write(events)] == [True]


def test_probabilities_are_those_of_each_line() -> None:
    """And of all tokens in a whole answer, even of one without text."""
    found = TokenLogprob("Ye", b"Ye", -0.5, (TokenLogprob("No", b"No", -1.5),))
    events: list[Event] = [
        Thought("So.", logprobs=(found,)),
        Answer("", logprobs=(found,)),
        Answer("Yes.", logprobs=(found,)),
        Finish("stop", USAGE, Timings()),
    ]
    lines = OllamaWriter(SINGLE).write(events)
    assert [len(line.get("logprobs", ())) for line in lines] == [1, 2, 0]
    whole = whole_answer(SINGLE, events)["logprobs"]
    assert [line["logprob"] for line in whole] == [-0.5] * 3
    assert whole[0]["top_logprobs"][0]["token"] == "No"


def test_options() -> None:
    """Under the same names as elsewhere, apart from the limit."""
    options = {
        "temperature": 0.25,
        "top_k": 7,
        "seed": 3,
        "num_predict": 9,
        "stop": ["END"],
        "num_ctx": 4096,
    }
    request = chat(options=options).generation(Sampling())
    assert request.sampling is not None
    assert (request.sampling.temperature, request.sampling.top_k) == (0.25, 7)
    assert (request.sampling.seed, request.max_tokens, request.stop) == (3, 9, ["END"])
    for unlimited in (-2, -1, 0):
        assert chat(options={"num_predict": unlimited}).limit is None


@pytest.mark.parametrize(
    ("think", "thinking", "budget"),
    [(None, None, None), (True, True, None), (False, False, 0), ("low", True, 1024)],
)
def test_thinking(think: Any, thinking: bool | None, budget: int | None) -> None:
    """Whether and how much."""
    request = chat(think=think).generation(Sampling())
    assert (request.thinking, request.reasoning_budget) == (thinking, budget)


def test_forms_of_the_answer() -> None:
    """JSON, or a schema; an empty one is none."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert chat(format="json").form == {"type": "json_object"}
    assert chat(format=schema).form == {"type": "json_schema", "json_schema": {"schema": schema}}
    assert chat(format="").form is None


def test_a_prompt_is_a_chat_unless_it_is_raw() -> None:
    """With the system prompt before it."""
    asked = to_chat(generate(system="Be brief."))
    assert [(one["role"], one["content"]) for one in asked.template_messages()] == [
        ("system", "Be brief."),
        ("user", "Hi"),
    ]
    raw = generate(raw=True, options={"stop": "END", "top_p": 0.5}, logprobs=True, top_logprobs=2)
    request = to_text(raw).generation([1, 2], Sampling())
    assert (request.prompt, request.max_tokens, request.stop) == ([1, 2], None, ["END"])
    assert request.top_logprobs == 2


def test_what_is_unknown_is_named() -> None:
    """But not what only says how Ollama loads a model."""
    options = {"num_gpu": 99, "num_thread": 4, "odd": 1}
    assert unknown(generate(options=options, keep_alive="5m", strange=1)) == [
        "options.odd",
        "strange",
    ]


def test_a_longer_context_than_there_can_be_is_refused() -> None:
    """With what there is, and how to get more; a shorter one is none of our business."""
    request = generate(options={"num_ctx": 8192})
    check_context(request.options, 8192)
    check_context(None, 1)
    with pytest.raises(InvalidRequestError, match=r"8,192.* 4,096 tokens.*--ctx 8192"):
        check_context(request.options, 4096)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"suffix": "b"}, "'suffix'"),
        ({"template": "{{ .Prompt }}"}, "'template'"),
        ({"context": [1]}, "'context'"),
        ({"images": ["aGk="]}, "'images'"),
        ({"format": "yaml"}, "'format' is invalid: must be"),
        ({"options": {"temperature": -1}}, "'options.temperature'"),
        ({"think": "very"}, "'think' is invalid"),
    ],
)
def test_what_cannot_be_done(fields: dict[str, Any], says: str) -> None:
    """One sentence that names it."""
    with pytest.raises(InvalidRequestError, match=says):
        generate(**fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"messages": [{"role": "user", "content": "", "images": ["aGk="]}]}, "no images"),
        ({"messages": [{"role": "critic", "content": ""}]}, "'messages.0.role'"),
        ({"tools": [{"function": {}}]}, "'tools.0'"),
        ({"top_logprobs": 2}, "requires logprobs"),
    ],
)
def test_what_chats_cannot_have(fields: dict[str, Any], says: str) -> None:
    """One sentence that names it."""
    with pytest.raises(InvalidRequestError, match=says):
        chat(**fields)


def test_mirostat_is_refused() -> None:
    """It would change the answer."""
    assert unknown(generate(options={"mirostat": 0})) == []
    with pytest.raises(InvalidRequestError, match="'mirostat'"):
        unknown(generate(options={"mirostat": 2}))
