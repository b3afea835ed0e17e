"""A thought can be shortened and prolonged while it runs, by the id that its chunks carry."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
import pytest

from localqwq.client.client import Client
from localqwq.client.errors import EndpointError
from localqwq.client.options import ChatOptions
from localqwq.endpoint import Endpoint
from localqwq.reasoning.events import Answer, Event, Finish, Thought
from localqwq.reasoning.messages import Message
from tests.servers import announced, server_command

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]
# So hot that the thought hardly ends by itself.
HOT = ChatOptions(temperature=5, top_p=1, top_k=0, seed=15, max_tokens=600)
CHAT = "/v1/chat/completions"


@pytest.fixture
async def client(demo_server: str) -> AsyncIterator[Client]:
    """A client of the demo server."""
    async with Client(Endpoint(demo_server)) as client:
        yield client


async def meddle(
    client: Client,
    options: ChatOptions,
    ask: Callable[[str], Coroutine[Any, Any, None]],
) -> list[Event]:
    """All events of an answer; ``ask`` is called once with its id when it has begun to think."""
    ids: list[str] = []
    events: list[Event] = []
    asked = False
    async for event in client.chat(HELLO, options, ids.append):
        events.append(event)
        if isinstance(event, Thought) and not asked:
            asked = True
            await ask(ids[0])
    assert len(ids) == 1
    assert asked
    return events


def end_of(events: list[Event]) -> Finish:
    """The last event."""
    assert isinstance(events[-1], Finish)
    return events[-1]


async def test_answer_now(client: Client) -> None:
    """The thought ends soon, and an answer comes."""
    events = await meddle(client, HOT, client.answer_now)
    assert end_of(events).thought in ("requested", "closed")
    assert end_of(events).usage.reasoning_tokens < 400
    assert any(isinstance(event, Answer) for event in events)


async def test_more_budget(rambler: Path) -> None:
    """A thought is cut at the budget that was granted, which the reply names."""
    budget = 1500  # so far off that it is granted long before, however slow this machine is
    endless = ChatOptions(reasoning_budget=-1, max_tokens=budget + 200)
    command = server_command(rambler, "--port", "0", "--parent-pipe", context=16_384)
    with announced(command) as url:
        async with Client(Endpoint(url)) as rambling:
            events = await meddle(rambling, endless, lambda id_: rambling.grant_budget(id_, budget))
    end = end_of(events)
    assert end.thought == "budget"
    assert budget <= end.usage.reasoning_tokens < budget + 64 + 60


async def test_too_late(client: Client, demo_server: str) -> None:
    """404 once it has ended or never was, 409 while it answers."""
    ids: list[str] = []
    refused = False
    options = ChatOptions(temperature=0, reasoning_budget=0, max_tokens=300)
    async for event in client.chat(HELLO, options, ids.append):
        if isinstance(event, Answer) and not refused:
            refused = True
            try:
                await client.answer_now(ids[0])
            except EndpointError as error:
                assert "running" in str(error) or "no longer thinking" in str(error)
    assert refused
    async with httpx2.AsyncClient(base_url=demo_server, trust_env=False) as http:
        for id_ in (ids[0], "nothing", "%00", "x" * 5000):
            for path, body in (("answer", None), ("budget", {"reasoning_budget": 5})):
                reply = await http.post(f"{CHAT}/{id_}/{path}", json=body)
                assert reply.status_code == 404
                assert reply.json()["error"]["type"] == "invalid_request_error"
        wrongs: list[Any] = [{}, {"reasoning_budget": -2}, {"reasoning_budget": "many"}, []]
        for wrong in wrongs:
            reply = await http.post(f"{CHAT}/nothing/budget", json=wrong)
            assert reply.status_code == 400
        assert (await http.get(f"{CHAT}/nothing/answer")).status_code == 405


async def test_a_request_that_waits_can_be_told_already(client: Client, demo_server: str) -> None:
    """Two at once: each id is its own."""
    seen: dict[str, list[str]] = {"a": [], "b": []}

    async def run(name: str) -> Finish:
        events = [event async for event in client.chat(HELLO, HOT, seen[name].append)]
        return end_of(events)

    first, second = await asyncio.gather(run("a"), run("b"))
    assert seen["a"] != seen["b"]
    assert first.sampling["seed"] == second.sampling["seed"] == 15


async def test_what_the_wire_says(demo_server: str) -> None:
    """Log probabilities in OpenAI's form, the end of the thought, penalties and stop strings."""
    body: dict[str, Any] = {"messages": HELLO, "temperature": 0, "logprobs": True}
    body |= {"top_logprobs": 2, "reasoning_effort": "none", "max_tokens": 12}
    async with httpx2.AsyncClient(base_url=demo_server, trust_env=False, timeout=60) as http:
        whole = (await http.post(CHAT, json=body)).json()["choices"][0]
        assert whole["finish_details"] == {"thought": "budget"}
        entries = whole["logprobs"]["content"]
        text = b"".join(bytes(entry["bytes"]) for entry in entries).decode()
        assert whole["message"]["content"].strip() == text.strip()
        assert all(len(entry["top_logprobs"]) == 2 for entry in entries)
        stop = whole["message"]["content"][3:6]
        stopped = (await http.post(CHAT, json=body | {"stop": stop})).json()["choices"][0]
        assert stop not in stopped["message"]["content"]
        short = body | {"max_tokens": 2, "reasoning_effort": "high"}
        cut = (await http.post(CHAT, json=short)).json()["choices"][0]
        assert cut["finish_details"] == {"thought": "unfinished"}
        assert len(cut["logprobs"]["reasoning_content"]) == 2
        wrong = await http.post(CHAT, json=body | {"logit_bias": {"99999999": 1}})
        assert wrong.status_code == 400
        assert wrong.json()["error"]["param"] == "logit_bias"


async def test_a_turn_goes_on(client: Client) -> None:
    """From the beginning of its answer, which is not told again."""
    beginning: Message = {
        "role": "assistant",
        "content": "The letter",
        "reasoning_content": "I count.",
    }
    options = ChatOptions(temperature=0, max_tokens=20, continue_final_message=True)
    events = [event async for event in client.chat([*HELLO, beginning], options)]
    assert not any(isinstance(event, Thought) and event.text for event in events)
    answer = "".join(event.text for event in events if isinstance(event, Answer))
    assert answer
    assert not answer.startswith("The letter")
    with pytest.raises(EndpointError, match="final message"):
        await anext(client.chat(HELLO, options))


async def test_texts_are_counted(client: Client) -> None:
    """The names of special tokens count as the text that they are."""
    assert await client.count("") == 0
    assert await client.count("<|im_end|>") > 1
