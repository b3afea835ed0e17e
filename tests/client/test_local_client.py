"""A client of an engine in a child process says what one over HTTP says."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localqwq.client.chat_client import ChatClient
from localqwq.client.client import Client
from localqwq.client.errors import EndpointError
from localqwq.client.local_client import LocalClient
from localqwq.client.options import ChatOptions
from localqwq.endpoint import Endpoint
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.reasoning.events import Answer, Finish, Thought, ToolCall, Usage
from localqwq.reasoning.messages import Message
from localqwq.server.supervision.own_engine import own_engine

QUESTION: list[Message] = [{"role": "user", "content": "How many r's are in strawberry?"}]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "count", "parameters": {"type": "object", "properties": {}}},
}
# So hot that only the context ends the answer.
ENDLESS = ChatOptions(temperature=5, top_p=1, top_k=0, seed=15)


@asynccontextmanager
async def both(demo_gguf: Path, server: str) -> AsyncIterator[tuple[LocalClient, Client]]:
    """A client of an own engine, and one of the demo server; both have 2,048 tokens."""
    load = LoadOptions(context=2048, parallel=4, threads=1)
    supervisor = own_engine(Launch(demo_gguf, "demo:Q8_0", load))
    try:
        async with (
            LocalClient(await supervisor.start(), "demo:Q8_0") as ours,
            Client(Endpoint(server)) as theirs,
        ):
            yield ours, theirs
    finally:
        await supervisor.stop()


async def said(client: ChatClient, options: ChatOptions) -> tuple[str, str, Any, Any]:
    """The thought, the answer, the calls by name and arguments, and the end without its times."""
    thought, answer, calls = "", "", []
    end = None
    async with aclosing(client.chat(QUESTION, options)) as events:
        async for event in events:
            match event:
                case Thought(text):
                    thought += text
                case Answer(text):
                    answer += text
                case ToolCall():
                    calls.append((event.name, event.arguments))
                case Finish():
                    end = event
    assert end is not None
    counts = replace(end.usage, cached_tokens=0)
    return thought, answer, calls, (end.reason, counts, end.sampling, end.thought)


async def test_both_say_the_same(demo_gguf: Path, demo_server: str) -> None:
    """Of answers, calls, limits, tokens and names; and both refuse the same in the same words."""
    async with both(demo_gguf, demo_server) as (ours, theirs):
        for options in (
            ChatOptions(max_tokens=40, seed=3),
            ChatOptions(max_tokens=60, seed=4, reasoning_budget=4, stop=["r"]),
            ChatOptions(max_tokens=60, seed=5, tools=[TOOL], more={"tool_choice": "required"}),
        ):
            assert await said(ours, options) == await said(theirs, options)
        assert await ours.models() == await theirs.models()
        assert await ours.limits() == await theirs.limits()
        assert await ours.count("Hello, <think> you") == await theirs.count("Hello, <think> you")
        assert await ours.opens_thought(None) is await theirs.opens_thought(None) is False
        for wrong in ({"temperature": -1}, {"lora": [1]}, {"stop_token_ids": [3]}):
            words = []
            for client in (ours, theirs):
                with pytest.raises(EndpointError) as caught:
                    await said(client, ChatOptions(max_tokens=3, more=wrong))
                words.append((str(caught.value), caught.value.status))
            assert words[0] == words[1]


async def test_an_answer_is_steered_and_aborted(demo_gguf: Path, demo_server: str) -> None:
    """By the id that it begins with; whoever stops listening ends it."""
    async with both(demo_gguf, demo_server) as (ours, _):
        ids: list[str] = []
        is_thinking = False
        async with aclosing(ours.chat(QUESTION, ENDLESS, ids.append)) as events:
            async for event in events:
                if isinstance(event, Thought) and not is_thinking:
                    is_thinking = True
                    await ours.grant_budget(ids[0], 0)
                if isinstance(event, Answer):
                    break
            assert is_thinking
        with pytest.raises(EndpointError, match="has ended"):
            await ours.answer_now(ids[0])
        ended = await said(ours, ChatOptions(max_tokens=3, seed=1))
        assert ended[3][1] == Usage(ended[3][1].prompt_tokens, 0, 3, 3)
