"""Anthropic's own client as an independent witness."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localqwq.locations import demo_checkpoint

anthropic = pytest.importorskip("anthropic", reason="the package 'anthropic' is not installed")

STEADY = {"temperature": 0}
QUESTION: Any = [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}]


@pytest.fixture
def client(demo_server: str) -> Iterator[Any]:
    """The client, without its retries."""
    with anthropic.Anthropic(
        base_url=demo_server, api_key="none", max_retries=0, timeout=120
    ) as client:
        yield client


def test_stream(client: Any) -> None:
    """The client's own accumulation of the events is the whole message."""
    asked: Any = {"model": "demo", "max_tokens": 400, "extra_body": STEADY, "messages": QUESTION}
    whole = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.content[1].text == text
    assert [block.to_dict() for block in whole.content] == [
        block.to_dict() for block in final.content
    ]
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_tool_loop(client: Any) -> None:
    """The model calls the calculator, reads its result, and answers with it."""
    tool = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    function = tool["function"]
    asked: Any = {
        "model": "demo",
        "max_tokens": 400,
        "extra_body": STEADY,
        "tools": [
            {
                "name": function["name"],
                "description": function["description"],
                "input_schema": function["parameters"],
            }
        ],
    }
    messages: list[Any] = [{"role": "user", "content": "What is 12 * 34?"}]
    with client.messages.stream(**asked, messages=messages) as stream:
        called = stream.get_final_message()
    assert called.stop_reason == "tool_use"
    [call] = [block for block in called.content if block.type == "tool_use"]
    assert call.input["expression"].replace(" ", "") == "12*34"
    messages += [
        called.to_param(),
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "408"}],
        },
    ]
    answer = client.messages.create(**asked, messages=messages)
    assert "408" in answer.content[-1].text
    assert answer.usage.cache_read_input_tokens > 0


def test_errors_have_the_clients_own_types(client: Any) -> None:
    """A wrong value is its BadRequestError, whose message it finds."""
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        client.messages.create(
            model="demo", max_tokens=9, messages=QUESTION, extra_body={"temperature": -1}
        )
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.list()
    counted = client.messages.count_tokens(model="demo", messages=QUESTION)
    assert counted.input_tokens > 0
