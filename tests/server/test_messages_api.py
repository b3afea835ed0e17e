"""Anthropic's API is a translation: of the request, and of the turn's events."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event, Finish, Thought, Timings, ToolCallPart
from localqwq.server.http.body import parse_body
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.inner_request import chat_request
from localqwq.server.http.messages_api.schema import MessagesRequest
from localqwq.server.http.messages_api.translation import to_chat
from localqwq.server.http.messages_api.writer import MessageForm, MessageWriter, whole_message
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.thought_signature import seal, sign, signed_thought
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

FORM = MessageForm("msg_1", "demo", limit=100)
HIDING = MessageForm("msg_1", "demo", limit=100, hides_thoughts=True)
LOOK = {"name": "look", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def chat(**fields: Any) -> ChatRequest:
    """The chat completion that a request amounts to."""
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **fields}
    return to_chat(parse_body(MessagesRequest, json.dumps(body).encode()))


def sent_back(turns: Sequence[Turn], last: str, form: MessageForm) -> list[Json]:
    """The conversation as a client of this API sends it back."""
    messages: list[Json] = []
    results: list[Json] = []
    for turn in turns:
        said = {"type": "text", "text": turn.said}
        messages.append({"role": "user", "content": [*results, said] if results else turn.said})
        content = whole_message(form, turn.events)["content"]
        messages.append({"role": "assistant", "content": content})
        results = [
            {
                "type": "tool_result",
                "tool_use_id": id_,
                "content": [{"type": "text", "text": text}] if len(text) % 2 else text,
            }
            for id_, text in turn.results
        ]
    return [*messages, {"role": "user", "content": [*results, {"type": "text", "text": last}]}]


@given(conversations(), words, st.sampled_from([FORM, HIDING]))
def test_the_model_gets_what_chat_completions_send(
    turns: list[Turn], last: str, form: MessageForm
) -> None:
    """Thoughts, calls and results come back as the client of the other API sends them."""
    tools = [
        {
            "name": tool["function"]["name"],
            "description": tool["function"]["description"],
            "input_schema": tool["function"]["parameters"],
        }
        for tool in TOOLS
    ]
    ours = chat(system="Be brief.", messages=sent_back(turns, last, form), tools=tools)
    system = {"role": "system", "content": "Be brief."}
    theirs = chat_request(
        {"messages": [system, *chat_messages(turns, last)], "tools": TOOLS, "max_tokens": 9}
    )
    assert ours.generation(Sampling()) == theirs.generation(Sampling())


def assembled(events: Sequence[Json]) -> Json:
    """The message that a client makes of a stream."""
    message: Json = {}
    parts: dict[int, str] = {}
    for event in events:
        match event:
            case {"type": "message_start", "message": begun}:
                message = dict(begun)
            case {"type": "content_block_start", "index": index, "content_block": block}:
                assert index == len(message["content"])
                message["content"].append(dict(block))
                parts[index] = ""
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                block = message["content"][index]
                kind = delta.pop("type")
                for name, piece in delta.items():
                    if kind == "input_json_delta":
                        parts[index] += piece
                    else:
                        block[name] += piece
            case {"type": "content_block_stop", "index": index}:
                if message["content"][index]["type"] == "tool_use":
                    message["content"][index]["input"] = json.loads(parts[index] or "{}")
            case {"type": "message_delta", "delta": delta, "usage": usage}:
                message |= delta | {"usage": usage}
            case {"type": kind}:
                assert kind == "message_stop"
    return message


@given(answers(), st.lists(st.booleans(), min_size=1, max_size=5), st.sampled_from([FORM, HIDING]))
def test_a_stream_says_what_the_whole_message_says(
    events: list[Event], cuts: list[bool], form: MessageForm
) -> None:
    """However the events are batched; blocks follow each other, and each ends."""
    written = streamed(events, cuts, MessageWriter(form).write)
    kinds = [event["type"] for event in written]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert assembled(written) == whole_message(form, events)
    for before, event in pairwise(written):
        if event["type"] == "content_block_start":
            assert before["type"] in ("message_start", "content_block_stop")


def test_usage_leaves_out_what_was_cached() -> None:
    """At the beginning as at the end."""
    events: list[Event] = [Thought("So."), Finish("stop", USAGE, Timings())]
    assert whole_message(FORM, events)["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 30,
        "output_tokens": 12,
        "output_tokens_details": {"thinking_tokens": 5},
    }


@pytest.mark.parametrize(
    ("finish", "limit", "reason"),
    [
        (Finish("stop", USAGE, Timings()), 100, "end_turn"),
        (Finish("stop", USAGE, Timings(), stop="END"), 100, "stop_sequence"),
        (Finish("tool_calls", USAGE, Timings()), 100, "tool_use"),
        (Finish("length", USAGE, Timings()), 12, "max_tokens"),
        (Finish("length", USAGE, Timings()), 100, "model_context_window_exceeded"),
        (Finish("length", USAGE, Timings()), None, "model_context_window_exceeded"),
        (Finish("loop", USAGE, Timings()), 100, "max_tokens"),
    ],
)
def test_stop_reasons(finish: Finish, limit: int | None, reason: str) -> None:
    """In Anthropic's words."""
    message = whole_message(MessageForm("msg_1", "demo", limit), [finish])
    assert (message["stop_reason"], message["stop_sequence"]) == (reason, finish.stop)


def test_a_call_that_was_cut_off() -> None:
    """Its arguments are shown as far as they went."""
    events: list[Event] = [
        ToolCallPart("call_1", "look", ""),
        ToolCallPart("call_1", "", '{"at": "ho'),
        Finish("length", USAGE, Timings()),
    ]
    [block] = whole_message(FORM, events)["content"]
    assert block["input"] == {"INVALID_JSON": '{"at": "ho'}


@given(words, words)
def test_only_unchanged_thoughts_of_this_server_come_back(thought: str, other: str) -> None:
    """A changed or foreign one is none."""
    assert signed_thought(thought, sign(thought)) == thought
    assert signed_thought("", seal(thought)) == thought
    assert signed_thought(thought, other) is None
    if other != thought:
        assert signed_thought(other, sign(thought)) is None
    for end in ("", ".", "A"):
        assert signed_thought("", seal(thought)[:-1] + end) in (None, thought)


def test_foreign_thoughts_are_left_out() -> None:
    """Of another model, redacted, or without a signature."""
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIYAhIM"},
        {"type": "thinking", "thinking": "Hm."},
        {"type": "redacted_thinking", "data": "abc"},
        {"type": "text", "text": "Hello."},
    ]
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": "And?"},
    ]
    assert chat(messages=messages).template_messages()[1] == {
        "role": "assistant",
        "content": "Hello.",
    }


def test_the_billing_header_is_no_part_of_the_prompt() -> None:
    """It changes with each request, so that no prompt would begin like the one before."""
    header = "x-anthropic-billing-header: cc_version=2.1; cch={};"
    texts = ["You are a program.", "Be brief."]
    prompts = [
        chat(system=[{"type": "text", "text": text} for text in (header.format(one), *texts)])
        for one in ("0a1", "ff2")
    ]
    for prompt in prompts:
        assert prompt.template_messages()[0]["content"] == "\n".join(texts)
    alone = chat(system=f"{header}\nBe brief.").template_messages()[0]
    assert alone == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("fields", "thinking", "budget"),
    [
        ({}, None, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, True, 2000),
        ({"thinking": {"type": "disabled"}}, False, 0),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, True, 1024),
        ({"thinking": {"type": "adaptive"}}, None, None),
    ],
)
def test_thinking(fields: dict[str, Any], thinking: bool | None, budget: int | None) -> None:
    """Whether and how much."""
    request = chat(**fields).generation(Sampling())
    assert (request.thinking, request.reasoning_budget) == (thinking, budget)


@pytest.mark.parametrize(
    ("choice", "wanted", "parallel"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, "auto", False),
        ({"type": "any"}, "required", True),
        ({"type": "tool", "name": "look"}, "look", True),
        ({"type": "none"}, "none", True),
    ],
)
def test_choices_of_tools(choice: Json, wanted: str, parallel: bool) -> None:
    """Under Anthropic's names; tools that only Anthropic has are left out."""
    request = chat(tools=[LOOK, SEARCH], tool_choice=choice).generation(Sampling())
    assert (request.tool_choice, request.parallel_tool_calls) == (wanted, parallel)
    assert [tool["function"]["name"] for tool in request.tools] == ["look"] * (wanted != "none")


def test_a_form_of_the_answer() -> None:
    """Under its newer and its older name."""
    form = {"type": "json_schema", "schema": {"type": "object"}}
    for fields in ({"output_config": {"format": form}}, {"output_format": form}):
        assert chat(**fields).form == {
            "type": "json_schema",
            "json_schema": {"schema": {"type": "object"}},
        }


def test_a_beginning_of_the_answer_is_continued() -> None:
    """As a final message of the assistant."""
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "The"}]
    assert chat(messages=messages).continue_final_message is True


def test_texts_within_other_blocks() -> None:
    """Documents and search results are read where they are text."""
    content = [
        {"type": "document", "title": "A", "source": {"type": "text", "data": "one"}},
        {
            "type": "search_result",
            "title": "B",
            "source": "https://b.example",
            "content": [{"type": "text", "text": "two"}],
        },
        {"type": "server_tool_use", "id": "x", "name": "web_search", "input": {}},
    ]
    [message] = chat(messages=[{"role": "user", "content": content}]).template_messages()
    assert message["content"] == "A\none\nB\nhttps://b.example\ntwo"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"messages": []}, "'messages'"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "'image'"),
        (
            {"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]},
            "documents",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "needs 'text'"),
        ({"tools": [{"name": "look"}]}, "input_schema"),
        ({"tools": [SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}}, "forced"),
        ({"tools": [LOOK], "tool_choice": {"type": "tool", "name": "fly"}}, "'fly'"),
        ({"tool_choice": {"type": "tool"}}, "needs a name"),
        ({"temperature": -1}, "temperature"),
    ],
)
def test_what_cannot_be_done(fields: dict[str, Any], says: str) -> None:
    """One sentence."""
    with pytest.raises(InvalidRequestError, match=says):
        chat(**fields)
