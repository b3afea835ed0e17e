"""Anthropic's API as an HTTP client meets it."""

import asyncio
import json
from typing import Any

import httpx2

from localqwq.server.http.booting_app import Loading
from localqwq.server.http.thought_signature import signed_thought

MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
ASKED: dict[str, Any] = {
    "model": "demo",
    "max_tokens": 400,
    "temperature": 0,
    "messages": [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}],
}


def events(reply: httpx2.Response) -> list[dict[str, Any]]:
    """The events of a stream, whose names are their types."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in reply.text.strip("\n").split("\n\n"):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def test_it_thinks_and_answers(http: httpx2.Client) -> None:
    """A signed thought first, then the answer, then the counts; streamed or not."""
    whole = http.post(MESSAGES, json=ASKED, headers={"anthropic-version": "2023-06-01"}).json()
    thought, answer = whole["content"]
    assert signed_thought(thought["thinking"], thought["signature"])
    assert "9.9" in answer["text"]
    assert whole["stop_reason"] == "end_turn"
    streamed = events(http.post(MESSAGES, json=ASKED | {"stream": True}))
    deltas = [event["delta"] for event in streamed if event["type"] == "content_block_delta"]
    assert "".join(delta.get("thinking", "") for delta in deltas) == thought["thinking"]
    assert "".join(delta.get("text", "") for delta in deltas) == answer["text"]
    begun, end = streamed[0]["message"]["usage"], streamed[-2]["usage"]
    assert begun["cache_read_input_tokens"] == end["cache_read_input_tokens"]
    assert begun["input_tokens"] == end["input_tokens"]
    assert end["cache_read_input_tokens"] > end["input_tokens"] > 0  # the prompt was there before
    assert end["output_tokens"] == whole["usage"]["output_tokens"]


def test_tokens_are_counted_before_an_answer(http: httpx2.Client) -> None:
    """The count is the one that the answer's usage has."""
    counted = http.post(COUNT, json=ASKED).json()["input_tokens"]
    usage = http.post(MESSAGES, json=ASKED | {"max_tokens": 1}).json()["usage"]
    assert counted == usage["input_tokens"] + usage["cache_read_input_tokens"]


def test_a_conversation_that_is_too_long(http: httpx2.Client) -> None:
    """Is counted, and refused with the numbers in the words that programs look for."""
    asked = ASKED | {"messages": [{"role": "user", "content": "one two " * 3000}]}
    counted = http.post(COUNT, json=asked).json()["input_tokens"]
    reply = http.post(MESSAGES, json=asked)
    assert reply.status_code == 400
    error = reply.json()
    assert error["type"] == "error"
    assert error["error"]["type"] == "invalid_request_error"
    assert error["error"]["message"].startswith(
        f"prompt is too long: {counted + 1} tokens > 2048 maximum"
    )


def test_the_stop_sequence_is_named(http: httpx2.Client) -> None:
    """The one of several that ended the answer."""
    asked = ASKED | {"stop_sequences": ["never", "9.9"]}
    message = http.post(MESSAGES, json=asked).json()
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "9.9")


def test_errors_are_in_its_own_form(http: httpx2.Client) -> None:
    """Of fields, methods and paths."""
    for reply, status, kind in (
        (http.post(MESSAGES, json={"messages": 1}), 400, "invalid_request_error"),
        (http.post(MESSAGES, content=b"{"), 400, "invalid_request_error"),
        (http.get(MESSAGES), 405, "invalid_request_error"),
        (http.post("/v1/messages/batches", json={}), 404, "not_found_error"),
        (http.post(COUNT, json=ASKED, headers={"Origin": "http://a.example"}), 403, None),
    ):
        assert reply.status_code == status
        error = reply.json()
        assert error["type"] == "error"
        assert error["error"]["type"] == (kind or "permission_error")
        assert error["error"]["message"]


def test_a_hosted_tool_is_left_out_and_counted(http: httpx2.Client) -> None:
    """Its name is in a header and in the metrics."""
    search = {"type": "web_search_20250305", "name": "web_search"}
    reply = http.post(MESSAGES, json=ASKED | {"tools": [search], "max_tokens": 1, "odd": 1})
    assert reply.status_code == 200
    assert reply.headers["localqwq-ignored-fields"] == "odd, tools.web_search"
    assert 'localqwq_tools_left_out_total{tool="web_search"}' in http.get("/metrics").text


def test_the_root_answers(http: httpx2.Client) -> None:
    """Programs look there for a server."""
    assert http.head("/").status_code == 200
    assert "localqwq" in http.get("/").text


def test_while_the_model_loads() -> None:
    """The error has the same form, and SDKs try again."""
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(Loading()), base_url="http://localhost"
    )

    async def ask() -> httpx2.Response:
        async with client:
            return await client.post(MESSAGES, json=ASKED)

    reply = asyncio.run(ask())
    assert reply.status_code == 503
    assert reply.json()["error"]["type"] == "overloaded_error"
