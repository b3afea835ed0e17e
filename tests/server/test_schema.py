"""Requests are checked before anything is done with them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.gguf.sampling import Sampling
from localqwq.server.http.body import parse_body
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.schema import ChatRequest

USER = {"role": "user", "content": "Hi"}
FORM = {"type": "json_schema", "json_schema": {"name": "it", "schema": {"type": "object"}}}
TOOL = {"type": "function", "function": {"description": "adds", "name": "add", "x": 1}}


def parse(**fields: Any) -> ChatRequest:
    """A request with one message and these fields."""
    return parse_body(ChatRequest, json.dumps({"messages": [USER], **fields}).encode())


def test_unknown_fields_are_ignored() -> None:
    """What other servers understand does no harm here."""
    request = parse(logit_bias={"5": 1}, user="me", messages=[USER | {"name": "me"}])
    assert request.template_messages() == [USER]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hi", "Hi"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
    ],
)
def test_content_becomes_text(content: Any, text: str) -> None:
    """A string, null, or a list of text parts."""
    request = parse(messages=[{"role": "user", "content": content}])
    assert request.template_messages()[0]["content"] == text


def test_tool_turns_reach_the_template() -> None:
    """The call and its result keep what the template needs; developer means system."""
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    turns = [
        {"role": "developer", "content": "Be brief."},
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "3", "tool_call_id": "c"},
    ]
    messages = parse(messages=turns).template_messages()
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool"]
    assert messages[2]["tool_calls"] == [call]
    assert messages[3]["tool_call_id"] == "c"


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"content": None, "refusal": "No."}, {"content": "No."}),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, {"content": "No."}),
        ({"content": [{"type": "output_text", "text": "a"}, "b"]}, {"content": "a\nb"}),
        ({"content": "a", "reasoning": "r"}, {"content": "a", "reasoning_content": "r"}),
        ({"content": "a", "thinking": "r"}, {"content": "a", "reasoning_content": "r"}),
        ({"content": "a", "reasoning": "r", "reasoning_content": None},
         {"content": "a", "reasoning_content": "r"}),
        ({"content": "a", "reasoning": "", "reasoning_content": "r"},
         {"content": "a", "reasoning_content": "r"}),
        ({"content": "a", "tool_calls": None, "tool_call_id": None}, {"content": "a"}),
        ({"content": "a", "tool_calls": [], "function_call": None}, {"content": "a"}),
    ],
)  # fmt: skip
def test_histories_of_other_servers(turn: dict[str, Any], message: dict[str, Any]) -> None:
    """An assistant's message says the same, whichever way it is written."""
    messages = parse(messages=[USER, {"role": "assistant", **turn}]).template_messages()
    assert messages[1] == {"role": "assistant", **message}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ({"a": "é"}, '{"a": "é"}'),
        ({}, "{}"),
        ("", "{}"),
        (" ", "{}"),
        (None, "{}"),
    ],
)
def test_calls_of_histories(arguments: Any, text: str) -> None:
    """Their arguments are text for the template, and need neither an id nor a type."""
    call = {"id": None, "type": None, "index": 0, "function": {"name": "f", "arguments": arguments}}
    turn = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert parse(messages=[USER, turn]).template_messages()[1]["tool_calls"] == [
        {"id": "", "type": "function", "function": {"name": "f", "arguments": text}}
    ]


def test_openais_older_calls() -> None:
    """``function_call`` and the role ``function`` belong together by the function's name."""
    turns = [
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "3"},
    ]
    _, call, result = parse(messages=turns).template_messages()
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "f"
    assert result["role"] == "tool"


def test_tools_keep_their_fields_in_order() -> None:
    """The template prints them, and the model was trained on one order."""
    assert json.dumps(parse(tools=[TOOL]).template_tools()) == json.dumps([TOOL])
    assert parse(tools=[TOOL], tool_choice="none").template_tools() == []


def test_values_override_the_models_own() -> None:
    """Those that are given do, -1 and null mean absence."""
    default = Sampling(top_k=7)
    sampling = parse(temperature=0, seed=-1, top_p=None).sampling(default)
    assert sampling == Sampling(top_k=7, temperature=0)
    assert parse(max_tokens=5, max_completion_tokens=None).limit == 5
    assert parse(max_tokens=-1).limit is None


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("messages", [], "at least 1"),
        ("messages", [{"role": "robot", "content": "x"}], "'assistant'"),
        ("messages", [{"role": "user", "content": 5}], "string"),
        ("messages", [{"role": "user", "content": [{"type": "image_url"}]}], "text parts"),
        ("temperature", "warm", "number"),
        ("temperature", -0.1, "greater than or equal to 0"),
        ("temperature", float("nan"), "finite"),
        ("top_p", 1.5, "less than or equal to 1"),
        ("top_k", 0.5, "integer"),
        ("repeat_penalty", 0, "greater than or equal to 0.01"),
        ("seed", 2**64, "less than"),
        ("seed", -(2**63) - 1, "greater than"),
        ("max_tokens", 0, "greater than or equal to 1"),
        ("stream", "yes", "boolean"),
        ("n", 0, "1"),
        ("n", 129, "128"),
        ("tools", [{"type": "function"}], "function"),
        ("tools", [{"type": "function", "function": {}}], "name"),
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": []}}], "object"),
        ("tools", [{"type": "function", "function": {"name": "f", "strict": 1}}], "strict"),
        ("tool_choice", "required", "needs tools"),
        ("tool_choice", "always", '"required"'),
        ("tool_choice", 1, '"required"'),
        ("tool_choice", {"type": "function"}, '"required"'),
        ("tool_choice", {"type": "function", "function": {"name": "auto"}}, "something else"),
        ("tool_choice", {"type": "function", "function": {"name": "add"}}, "needs tools"),
        ("parallel_tool_calls", 1, "boolean"),
        ("response_format", "json", "object"),
        ("response_format", {"type": "xml"}, "json_schema"),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x"}}, "schema"),
        ("response_format", FORM | {"json_schema": {"schema": {}, "strict": "yes"}}, "strict"),
        ("rope", "on", "'auto' or 'off'"),
        ("typical_p", 1.5, "less than or equal to 1"),
        ("xtc_probability", -1, "greater than or equal to 0"),
        ("dry_base", 0.5, "greater than or equal to 1"),
        ("dry_sequence_breakers", [], "at least 1"),
        ("presence_penalty", 1e9, "less than or equal to 100"),
        ("repeat_last_n", -2, "greater than or equal to -1"),
        ("stop", [""], "must have at least 1 character"),
        ("stop", ["a"] * 17, "must have at most 16 entries"),
        ("messages", [], "must have at least 1 entry"),
        ("logit_bias", {"a": 1}, "token ids"),
        ("logit_bias", [1, 2], "token ids"),
        ("logit_bias", {"5": "much"}, "number"),
        ("logit_bias", {"5": True}, "number"),
        ("logit_bias", {"5": 101}, "from -100 to 100"),
        ("logit_bias", {"5": 10**400}, "from -100 to 100"),
        ("top_logprobs", 21, "less than or equal to 20"),
        ("reasoning_effort", "huge", "'low'"),
        ("reasoning_budget", -2, "greater than or equal to -1"),
        ("loop_detection", 1, "boolean"),
        ("stream_interval", 1.5, "less than or equal to 1"),
        ("stream_interval", "0.1", "number"),
    ],
)
def test_wrong_values_are_refused(field: str, value: Any, says: str) -> None:
    """The sentence names the field and what it may be."""
    with pytest.raises(InvalidRequestError) as caught:
        parse(**{field: value})
    assert str(caught.value).startswith(f"The field '{field}")
    assert says in str(caught.value)
    assert (caught.value.param or "").startswith(field)


def test_sampling_fields_reach_the_sampling() -> None:
    """Under their names, breakers included."""
    sampling = parse(
        typical_p=0.9, dry_multiplier=1, dry_sequence_breakers=["x"], presence_penalty=-1
    ).sampling(Sampling())
    assert (sampling.typical_p, sampling.dry_multiplier, sampling.presence_penalty) == (0.9, 1, -1)
    assert sampling.dry_sequence_breakers == ("x",)
    assert sampling.problem() is None


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"reasoning_effort": "low"}, 1024),
        ({"reasoning_effort": "none"}, 0),
        ({"reasoning_effort": "low", "reasoning_budget": 7}, 7),
        ({"reasoning_effort": "low", "reasoning_budget": -1}, None),
        ({"reasoning_budget": 0}, 0),
        ({"thinking_budget_tokens": 5}, 5),
        ({"reasoning_budget_tokens": 6}, 6),
    ],
)
def test_the_limit_of_the_thought(fields: dict[str, Any], limit: int | None) -> None:
    """Tokens win over words; -1 is no limit; llama-server's names are known."""
    assert parse(**fields).generation(Sampling()).reasoning_budget == limit


def test_what_the_engine_is_asked_for() -> None:
    """One stop string or several, biases in both forms, and the switches."""
    request = parse(
        stop="a", logit_bias=[[5, -3], [6, False]], logprobs=True, loop_detection=False
    ).generation(Sampling())
    assert request.stop == ["a"]
    assert request.logit_bias == {5: -3.0, 6: float("-inf")}
    assert (request.top_logprobs, request.loop_detection, request.cache_prompt) == (0, False, True)
    plain = parse(stop=["a", "b"], logit_bias={"7": 2}).generation(Sampling())
    assert (plain.stop, plain.logit_bias, plain.top_logprobs) == (["a", "b"], {7: 2.0}, None)
    assert plain.loop_detection
    assert plain.cache_on_disk
    assert not parse(cache_on_disk=False).generation(Sampling()).cache_on_disk


def test_tools_and_forms_reach_the_engine() -> None:
    """A choice is a word or a name; forms are handed on as they are."""
    named = {"type": "function", "function": {"name": "add"}}
    for choice, expected in ((None, "auto"), ("required", "required"), (named, "add")):
        request = parse(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)
        asked = request.generation(Sampling())
        assert (asked.tool_choice, asked.parallel_tool_calls) == (expected, False)
    plain = parse().generation(Sampling())
    assert (plain.tool_choice, plain.parallel_tool_calls) == ("auto", True)
    assert (plain.response_format, plain.rope) == (None, "auto")
    formed = parse(response_format=FORM, rope="off").generation(Sampling())
    assert (formed.response_format, formed.rope) == (FORM, "off")
    with pytest.raises(InvalidRequestError, match="not among the tools") as caught:
        parse(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "subtract"}})
    assert caught.value.param == "tool_choice"


def test_alternatives_need_logprobs() -> None:
    """As in OpenAI's API."""
    with pytest.raises(InvalidRequestError, match="logprobs: true"):
        parse(top_logprobs=2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
FIELD = st.sampled_from(sorted(ChatRequest.model_fields))


@settings(deadline=None)
@given(st.dictionaries(FIELD, JSON) | JSON)
def test_any_json_is_a_request_or_an_error(body: Any) -> None:
    """Nothing but ``InvalidRequestError`` comes out, in one line."""
    try:
        parse_body(ChatRequest, json.dumps(body).encode())
    except InvalidRequestError as error:
        assert "\n" not in str(error)


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_a_request_or_an_error(body: bytes) -> None:
    """Even those that are no JSON."""
    with pytest.raises(InvalidRequestError):
        parse_body(ChatRequest, body)
