"""OpenAI's own client as an independent witness."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pydantic
import pytest

from localqwq.locations import demo_checkpoint

QUESTION: Any = [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}]
MODEL = "demo:Q8_0"


@pytest.fixture
def client(demo_server: str) -> Iterator[openai.OpenAI]:
    """The client, without its retries."""
    base = f"{demo_server}/v1"
    with openai.OpenAI(base_url=base, api_key="none", max_retries=0, timeout=120) as client:
        yield client


def test_stream_thinks_then_answers_then_counts(client: openai.OpenAI) -> None:
    """``reasoning_content`` first, ``content`` after it, ``usage`` in the last chunk."""
    stream = client.chat.completions.create(
        model=MODEL,
        messages=QUESTION,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    kinds, answer, last = [], "", None
    for chunk in stream:
        last = chunk
        for choice in chunk.choices:
            if getattr(choice.delta, "reasoning_content", None):
                kinds.append("thought")
            if choice.delta.content:
                kinds.append("answer")
                answer += choice.delta.content
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"thought", "answer"}
    assert "9.9" in answer
    assert last is not None
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens_details is not None
    reasoning = last.usage.completion_tokens_details.reasoning_tokens or 0
    assert 0 < reasoning < last.usage.completion_tokens


def test_whole_response(client: openai.OpenAI) -> None:
    """The same without a stream."""
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
    message = whole.choices[0].message
    assert message.content is not None
    assert "9.9" in message.content
    assert message.model_extra is not None
    assert message.model_extra["reasoning_content"]
    assert whole.choices[0].finish_reason == "stop"


def test_length_ends_an_answer(client: openai.OpenAI) -> None:
    """A limit of three tokens means three tokens."""
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=3)
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 3


@pytest.mark.parametrize("streamed", [True, False])
def test_tool_call_loop(client: openai.OpenAI, streamed: bool) -> None:
    """The model calls the calculator, reads its result, and answers with it."""
    tool = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    messages: Any = [{"role": "user", "content": "What is 12 * 34?"}]
    if streamed:
        with client.chat.completions.stream(
            model=MODEL, messages=messages, tools=[tool], temperature=0
        ) as stream:
            choice: Any = stream.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(
            model=MODEL, messages=messages, tools=[tool], temperature=0
        ).choices[0]
    assert choice.finish_reason == "tool_calls"
    call = choice.message.tool_calls[0]
    assert call.function.name == "calculator"
    assert json.loads(call.function.arguments)["expression"].replace(" ", "") == "12*34"
    messages += [
        {"role": "assistant", "content": None, "tool_calls": [call.to_dict()]},
        {"role": "tool", "tool_call_id": call.id, "content": "408"},
    ]
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[tool], temperature=0
    ).choices[0]
    assert answer.finish_reason == "stop"
    assert "408" in (answer.message.content or "")


def test_a_call_streams(client: openai.OpenAI) -> None:
    """Its name comes first, its arguments in pieces, and together they are what the tool takes."""
    tool: Any = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    messages: Any = [{"role": "user", "content": "What is 12 * 34?"}]
    stream = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[tool], temperature=0, stream=True
    )
    deltas = [
        call
        for chunk in stream
        for choice in chunk.choices
        for call in choice.delta.tool_calls or ()
    ]
    first, *others = deltas
    assert first.id
    assert first.function is not None
    assert (first.function.name, first.function.arguments) == ("calculator", "")
    pieces = [call.function.arguments or "" for call in others if call.function is not None]
    assert {call.index for call in deltas} == {0}
    assert json.loads("".join(pieces))["expression"].replace(" ", "") == "12*34"


def test_a_call_can_be_demanded(client: openai.OpenAI) -> None:
    """By a tool's name."""
    tool: Any = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    messages: Any = [{"role": "user", "content": "Hello!"}]
    choice: Any = {"type": "function", "function": {"name": "calculator"}}
    message = (
        client.chat.completions.create(
            model=MODEL,
            messages=messages,
            tools=[tool],
            tool_choice=choice,
            parallel_tool_calls=False,
        )
        .choices[0]
        .message
    )
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert set(json.loads(call.function.arguments)) <= {"expression"}


class Verdict(pydantic.BaseModel):
    """An answer in a form of its own."""

    model_config = pydantic.ConfigDict(extra="forbid")

    larger: Literal["9.9", "9.11"]
    digits: int = pydantic.Field(ge=1, le=20)
    checked: list[bool] = pydantic.Field(max_length=3)
    note: str | None = pydantic.Field(max_length=30)


def test_the_answer_is_parsed(client: openai.OpenAI) -> None:
    """The client's own way from a pydantic model to its schema and back."""
    choice = client.chat.completions.parse(
        model=MODEL, messages=QUESTION, response_format=Verdict, temperature=0
    ).choices[0]
    assert isinstance(choice.message.parsed, Verdict)
    assert choice.message.model_extra is not None
    assert choice.message.model_extra["reasoning_content"]


def test_the_answer_has_its_form_at_any_temperature(client: openai.OpenAI) -> None:
    """With many seeds, streamed."""
    form: Any = {
        "type": "json_schema",
        "json_schema": {"name": "v", "strict": True, "schema": Verdict.model_json_schema()},
    }
    for seed in range(4):
        stream = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            response_format=form,
            temperature=2,
            top_p=1,
            seed=seed,
            reasoning_effort="none",
            stream=True,
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        Verdict.model_validate_json(text, strict=True)


def test_a_form_that_cannot_be_held_to(client: openai.OpenAI) -> None:
    """Is refused with the field's name."""
    schema = {"$ref": "https://example.org/schema.json"}
    form: Any = {"type": "json_schema", "json_schema": {"name": "v", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match="leads outside the schema") as caught:
        client.chat.completions.create(model=MODEL, messages=QUESTION, response_format=form)
    assert caught.value.param == "response_format"


def test_errors_have_the_clients_own_types(client: openai.OpenAI) -> None:
    """A wrong value is its BadRequestError, a wrong path its NotFoundError."""
    with pytest.raises(openai.BadRequestError, match="temperature"):
        client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=-1)
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=MODEL, input="x")
