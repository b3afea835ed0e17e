"""The Responses API is a translation: of the request, and of the turn's events."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.locations import demo_checkpoint
from localqwq.reasoning.events import Answer, Event, Finish, Thought, Timings, ToolCall
from localqwq.server.http.body import parse_body
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.inner_request import chat_request
from localqwq.server.http.responses.schema import ResponsesRequest
from localqwq.server.http.responses.translation import to_chat
from localqwq.server.http.responses.writer import ResponseForm, ResponseWriter, whole_response
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

FORM = ResponseForm({"id": "resp_1", "object": "response", "output": []})
SEALING = ResponseForm(FORM.head, seals_thoughts=True)
LOOK: Json = {"type": "function", "name": "look", "parameters": {"type": "object"}}
PATCH: Json = {"type": "custom", "name": "patch", "description": "Apply a patch."}


def chat(**fields: Any) -> ChatRequest:
    """The chat completion that a request amounts to."""
    body = {"input": "Hi", **fields}
    return to_chat(parse_body(ResponsesRequest, json.dumps(body).encode()))


def sent_back(turns: Sequence[Turn], last: str, form: ResponseForm) -> list[Json]:
    """The conversation as a client of this API sends it back."""
    items: list[Json] = []
    for turn in turns:
        items.append({"role": "user", "content": [{"type": "input_text", "text": turn.said}]})
        output = whole_response(form, turn.events)["output"]
        if form.seals_thoughts:  # some clients keep only that
            output = [
                item | {"content": None} if item["type"] == "reasoning" else item for item in output
            ]
        items += output
        for id_, text in turn.results:
            part = [{"type": "input_text", "text": text}] if len(text) % 2 else text
            items.append({"type": "function_call_output", "call_id": id_, "output": part})
    return [*items, {"type": "message", "role": "user", "content": last}]


@given(conversations(), words, st.sampled_from([FORM, SEALING]))
def test_the_model_gets_what_chat_completions_send(
    turns: list[Turn], last: str, form: ResponseForm
) -> None:
    """Thoughts, calls and results come back as the client of the other API sends them."""
    tools = [{"type": "function", **tool["function"]} for tool in TOOLS]
    ours = chat(instructions="Be brief.", input=sent_back(turns, last, form), tools=tools)
    system = {"role": "system", "content": "Be brief."}
    theirs = chat_request({"messages": [system, *chat_messages(turns, last)], "tools": TOOLS})
    assert ours.generation(Sampling()) == theirs.generation(Sampling())


@given(answers(), st.lists(st.booleans(), min_size=1, max_size=5))
def test_a_stream_says_what_its_last_event_says(events: list[Event], cuts: list[bool]) -> None:
    """However the events are batched: numbered, in order, and every item complete."""
    written = streamed(events, cuts, ResponseWriter(FORM).write)
    assert [event["sequence_number"] for event in written] == list(range(len(written)))
    kinds = [event["type"] for event in written]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    done = [event["item"] for event in written if event["type"] == "response.output_item.done"]
    assert done == written[-1]["response"]["output"]
    for index, item in enumerate(done):
        own = [event for event in written if event.get("output_index") == index]
        assert own[0]["type"] == "response.output_item.added"
        assert own[0]["item"]["id"] == item["id"]
        text = "".join(event.get("delta", "") for event in own)
        if item["type"] == "function_call":
            assert text == item["arguments"]
        else:
            assert text == item["content"][0]["text"]


def test_the_order_of_events() -> None:
    """A thought, an answer and a call, as OpenAI sends them."""
    events: list[Event] = [
        Thought("So."),
        Answer("Yes."),
        ToolCall("call_1", "look", "{}"),
        Finish("tool_calls", USAGE, Timings()),
    ]
    kinds = [event["type"] for event in ResponseWriter(FORM).write(events)]
    assert [kind.removeprefix("response.") for kind in kinds] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]


def test_usage_has_the_cached_tokens_in_it() -> None:
    """Unlike Anthropic's."""
    usage = whole_response(FORM, [Answer("Yes."), Finish("stop", USAGE, Timings())])["usage"]
    assert (usage["input_tokens"], usage["total_tokens"]) == (40, 52)
    assert usage["input_tokens_details"]["cached_tokens"] == 30
    assert usage["output_tokens_details"] == {"reasoning_tokens": 5}


@pytest.mark.parametrize("reason", ["length", "loop"])
def test_an_answer_that_was_cut_off(reason: Any) -> None:
    """Is incomplete, and so is its last item."""
    response = whole_response(FORM, [Answer("Ye"), Finish(reason, USAGE, Timings())])
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["status"] for item in response["output"]] == ["incomplete"]


def test_a_failure_on_the_way() -> None:
    """The last event says why, and what there was before."""
    writer = ResponseWriter(FORM)
    writer.write([Thought("So."), Answer("Yes")])
    failed = writer.failed(LocalqwqError("The engine failed."))
    assert failed["type"] == "response.failed"
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {
        "code": "server_error",
        "message": "The engine failed.",
    }
    assert [item["type"] for item in failed["response"]["output"]] == ["reasoning"]


@given(words, st.booleans())
def test_custom_tools_are_functions_with_one_text(text: str, cut: bool) -> None:
    """The model is asked for arguments; the client gets and returns the text in them."""
    [tool] = chat(tools=[PATCH]).template_tools()
    assert tool["function"]["parameters"]["required"] == ["input"]
    arguments = json.dumps({"input": text}, ensure_ascii=False)
    events: list[Event] = [
        ToolCall("call_1", "patch", arguments),
        Finish("tool_calls", USAGE, Timings()),
    ]
    form = ResponseForm(FORM.head, custom_tools=frozenset({"patch"}))
    written = streamed(events, [cut], ResponseWriter(form).write)
    [item] = written[-1]["response"]["output"]
    assert (item["type"], item["input"]) == ("custom_tool_call", text)
    deltas = [event["delta"] for event in written if "delta" in event]
    assert deltas == [text]
    output = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"}
    _, called, result = chat(
        input=[{"role": "user", "content": "Hi"}, item, output]
    ).template_messages()
    assert called["tool_calls"][0]["function"] == {"name": "patch", "arguments": arguments}
    assert (result["role"], result["content"]) == ("tool", "done")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"tool_choice": "required"}, "required"),
        ({"tool_choice": {"type": "function", "name": "look"}}, "look"),
        ({"tool_choice": {"type": "custom", "name": "patch"}}, "patch"),
        ({}, "auto"),
    ],
)
def test_choices_of_tools(fields: Json, wanted: str) -> None:
    """Hosted tools are left out."""
    request = chat(tools=[LOOK, PATCH, {"type": "web_search"}], **fields).generation(Sampling())
    assert request.tool_choice == wanted
    assert [tool["function"]["name"] for tool in request.tools] == ["look", "patch"]


def test_forms_and_limits() -> None:
    """Under this API's names."""
    form = {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}
    request = chat(text={"format": form}, max_output_tokens=7, reasoning={"effort": "low"})
    assert request.form == {
        "type": "json_schema",
        "json_schema": {"schema": {"type": "object"}, "strict": True},
    }
    assert (request.limit, request.thought_limit) == (7, 1024)
    assert chat(text={"format": {"type": "json_object"}}).form == {"type": "json_object"}
    assert chat(text={"format": {"type": "text"}, "verbosity": "low"}).form is None


def test_thoughts_of_other_servers_are_left_out() -> None:
    """Only OpenAI can read what it sealed; items of its tools are of no use either."""
    items = [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAA"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
        {"role": "user", "content": "And?"},
    ]
    assert [one["content"] for one in chat(input=items).template_messages()] == [
        "Hi",
        "Hello.",
        "And?",
    ]


def test_tools_in_a_namespace() -> None:
    """Have its name before their own, for the model alone; calls come back as they were made."""
    space = {"type": "namespace", "name": "team", "tools": [LOOK, PATCH, {"type": "web_search"}]}
    body = {"input": "Hi", "tools": [LOOK, space, {"type": "web_search"}]}
    request = parse_body(ResponsesRequest, json.dumps(body).encode())
    names = [tool["function"]["name"] for tool in to_chat(request).template_tools()]
    assert names == ["look", "team__look", "team__patch"]
    assert request.hosted_tools == ["web_search"]
    form = ResponseForm(FORM.head, request.custom_tools, request.namespaces)
    events: list[Event] = [
        ToolCall("call_1", "look", "{}"),
        ToolCall("call_2", "team__look", "{}"),
        ToolCall("call_3", "team__patch", '{"input": "x"}'),
        Finish("tool_calls", USAGE, Timings()),
    ]
    plain, spaced, custom = whole_response(form, events)["output"]
    assert (plain["name"], "namespace" in plain) == ("look", False)
    assert (spaced["name"], spaced["namespace"]) == ("look", "team")
    assert (custom["type"], custom["name"], custom["input"]) == ("custom_tool_call", "patch", "x")
    back = chat(input=[{"role": "user", "content": "Hi"}, plain, spaced, custom], tools=[space])
    [_, spoken] = back.template_messages()
    called = [call["function"]["name"] for call in spoken["tool_calls"]]
    assert called == ["look", "team__look", "team__patch"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"input": []}, "'input'"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "'input_image'"),
        ({"input": [{"type": "function_call", "name": "look"}]}, "needs 'call_id'"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "send the item itself"),
        ({"tools": [{"type": "function"}]}, "needs 'name'"),
        ({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}, "forced"),
        ({"previous_response_id": "resp_1"}, "send the whole conversation"),
        ({"background": True}, "wait for the answer"),
        ({"text": {"format": {"type": "json_schema"}}}, "needs 'schema'"),
    ],
)
def test_what_cannot_be_done(fields: dict[str, Any], says: str) -> None:
    """One sentence."""
    with pytest.raises(InvalidRequestError, match=says):
        chat(**fields)


@pytest.fixture
def client(demo_server: str) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, as an independent witness."""
    base = f"{demo_server}/v1"
    with openai.OpenAI(base_url=base, api_key="none", max_retries=0, timeout=120) as client:
        yield client


def test_the_official_client_streams(client: openai.OpenAI) -> None:
    """Its own accumulation of the events is the whole response."""
    asked: Any = {"model": "demo", "input": "Which is larger, 9.9 or 9.11?", "temperature": 0}
    whole = client.responses.create(**asked)
    with client.responses.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.reasoning_text.delta" in kinds
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert final.output_text == whole.output_text
    assert "9.9" in final.output_text
    assert final.usage is not None
    assert final.usage.output_tokens_details.reasoning_tokens > 0
    counted = client.responses.input_tokens.count(model="demo", input=asked["input"])
    assert counted.input_tokens == final.usage.input_tokens


def test_the_official_client_calls_tools(client: openai.OpenAI) -> None:
    """The model calls the calculator, reads its result, and answers with it."""
    calculator = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    tool = {"type": "function", "strict": None, **calculator["function"]}
    asked: Any = {"model": "demo", "tools": [tool], "temperature": 0}
    items: list[Any] = [{"role": "user", "content": "What is 12 * 34?"}]
    called = client.responses.create(**asked, input=items)
    [call] = [item for item in called.output if item.type == "function_call"]
    assert json.loads(call.arguments)["expression"].replace(" ", "") == "12*34"
    items += [item.to_dict() for item in called.output]
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": "408"})
    answer = client.responses.create(**asked, input=items)
    assert "408" in answer.output_text
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.cached_tokens > 0


def test_errors_name_this_apis_fields(client: openai.OpenAI) -> None:
    """As its own types."""
    form: Any = {"type": "json_schema", "name": "x", "schema": {"$ref": "https://a.example"}}
    with pytest.raises(openai.BadRequestError, match="leads outside") as caught:
        client.responses.create(model="demo", input="Hi", text={"format": form})
    assert caught.value.param == "text.format"
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="demo", input="one two " * 3000)
    assert (caught.value.param, caught.value.code) == ("input", "context_length_exceeded")
