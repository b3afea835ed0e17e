"""Two turns with a tool call between them, by each API's own client.

The engine is scripted, since the demo follows no such session; what is tested are the doors. The
model gets the same prompts whichever API a session speaks.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest

from localqwq.engine.llama.model import Model
from localqwq.engine.prompts import make_prompt
from localqwq.engine.request import GenerationRequest
from localqwq.engine.templates import TemplateRenderer
from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    PromptProgress,
    Thought,
    Timings,
    ToolCall,
    ToolCallPart,
)
from tests.drawn_turns import USAGE
from tests.scripted_engine import Script, scripted_door

anthropic = pytest.importorskip("anthropic", reason="the package 'anthropic' is not installed")
ollama = pytest.importorskip("ollama", reason="the package 'ollama' is not installed")

RULES = "You look things up before you answer."
FIRST, SECOND = "How warm is it in Zürich?", "And in °F?"
RESULT = '{"celsius": 21, "note": "</tool_response> “dry”"}'
ARGUMENTS = '{"city": "Zürich"}'
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
NAME, HELP = "weather", "The weather of a city."
CALLING: Sequence[Event] = (
    PromptProgress(40, 40, 30),
    Thought("I have to look "),
    Thought("it up.\n"),
    Answer("One moment."),
    ToolCallPart("call_1", NAME, ""),
    ToolCallPart("call_1", "", '{"city": '),
    ToolCallPart("call_1", "", '"Zürich"}'),
    ToolCall("call_1", NAME, ARGUMENTS),
    Finish("tool_calls", USAGE, Timings()),
)
ANSWERING: Sequence[Event] = (
    Thought("It says 21."),
    Answer("It is "),
    Answer("21 °C."),
    Finish("stop", USAGE, Timings()),
)
ENDING: Sequence[Event] = (Answer("70 °F."), Finish("stop", USAGE, Timings()))
ANSWERS = (CALLING, ANSWERING, ENDING)

Session = Callable[[str], Awaitable[str]]
"""Holds both turns with the server at this address, and returns the last answer."""


async def chat(url: str) -> str:
    """By chat completions: the messages that were received are sent back."""
    tools: Any = [
        {
            "type": "function",
            "function": {"name": NAME, "description": HELP, "parameters": SCHEMA},
        }
    ]
    messages: list[Any] = [
        {"role": "system", "content": RULES},
        {"role": "user", "content": FIRST},
    ]
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        for last in (None, SECOND, None):
            made = await client.chat.completions.create(model="any", messages=messages, tools=tools)
            message = made.choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls or ():
                assert call.type == "function"
                assert json.loads(call.function.arguments) == json.loads(ARGUMENTS)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULT})
            if last is not None:
                messages.append({"role": "user", "content": last})
    return str(message.content)


async def responses(url: str, *, stored: bool = False) -> str:
    """By the Responses API: all items are sent back, or the last response is named."""
    tools: Any = [{"type": "function", "name": NAME, "description": HELP, "parameters": SCHEMA}]
    items: list[Any] = [{"role": "user", "content": FIRST}]
    previous: str | None = None
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        for last in (None, SECOND, None):
            asked: Any = {"previous_response_id": previous} if previous else {}
            async with client.responses.stream(
                model="any", input=items, tools=tools, instructions=RULES, store=stored, **asked
            ) as stream:
                made = await stream.get_final_response()
            if stored:
                items, previous = [], made.id
            else:
                items += [item.model_dump(exclude_none=True) for item in made.output]
            for item in made.output:
                if item.type == "function_call":
                    assert json.loads(item.arguments) == json.loads(ARGUMENTS)
                    result = {"type": "function_call_output", "output": RESULT}
                    items.append({**result, "call_id": item.call_id})
            if last is not None:
                items.append({"role": "user", "content": last})
    return made.output_text


async def continued_responses(url: str) -> str:
    """By the Responses API, with the ids of stored responses alone."""
    return await responses(url, stored=True)


async def messages(url: str) -> str:
    """By Anthropic's API: the blocks that were received are sent back."""
    said: list[Any] = [{"role": "user", "content": FIRST}]
    async with anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client:
        for last in (None, SECOND, None):
            async with client.messages.stream(
                model="any",
                max_tokens=5000,
                system=RULES,
                messages=said,
                tools=[{"name": NAME, "description": HELP, "input_schema": SCHEMA}],
            ) as stream:
                made = await stream.get_final_message()
            said.append({"role": "assistant", "content": made.content})
            results: list[Any] = []
            for block in made.content:
                if block.type == "tool_use":
                    assert block.input == json.loads(ARGUMENTS)
                    results.append(
                        {"type": "tool_result", "tool_use_id": block.id, "content": RESULT}
                    )
            if results:
                said.append({"role": "user", "content": results})
            if last is not None:
                said.append({"role": "user", "content": last})
    return str(made.content[-1].text)


async def ollamas(url: str) -> str:
    """By Ollama's API: the messages that were received are sent back."""
    function = {"name": NAME, "description": HELP, "parameters": SCHEMA}
    said: list[Any] = [{"role": "system", "content": RULES}, {"role": "user", "content": FIRST}]
    client = ollama.AsyncClient(url, trust_env=False)
    for last in (None, SECOND, None):
        made = await client.chat(
            "any", messages=said, tools=[{"type": "function", "function": function}]
        )
        said.append(made.message)
        for call in made.message.tool_calls or ():
            assert call.function.arguments == json.loads(ARGUMENTS)
            said.append({"role": "tool", "tool_name": call.function.name, "content": RESULT})
        if last is not None:
            said.append({"role": "user", "content": last})
    return str(made.message.content)


OTHERS: Mapping[str, Session] = {
    "responses": responses,
    "continued responses": continued_responses,
    "messages": messages,
    "ollama": ollamas,
}


@pytest.fixture(scope="module")
def prompt_of(demo_gguf: Path) -> Iterator[Callable[[GenerationRequest], str]]:
    """Renders a request's prompt with the demo's template and vocabulary, and returns its text."""
    model = Model(demo_gguf, 0, vocabulary_only=True)
    assert model.facts.chat_template is not None
    templates = TemplateRenderer(
        model.facts.chat_template, bos=model.bos, eos=model.eos, names=model.control_tokens
    )

    def render(request: GenerationRequest) -> str:
        tokens = make_prompt(model, templates, request).tokens
        return b"".join(model.piece(token, special=True) for token in tokens).decode()

    yield render
    templates.close()
    model.close()


def told(request: GenerationRequest) -> list[tuple[Any, ...]]:
    """The messages, without the ids of calls."""
    return [
        (
            message["role"],
            message.get("content") or "",
            message.get("reasoning_content"),
            [call["function"]["name"] for call in message.get("tool_calls") or ()],
        )
        for message in request.messages
    ]


@pytest.mark.parametrize("name", OTHERS)
async def test_the_model_gets_the_same_prompts(
    name: str, demo_gguf: Path, tmp_path: Path, prompt_of: Callable[[GenerationRequest], str]
) -> None:
    """As by chat completions: with the thoughts, the calls and their results."""
    scripts = (Script(ANSWERS), Script(ANSWERS))
    for script, session in zip(scripts, (chat, OTHERS[name]), strict=True):
        async with scripted_door(demo_gguf, script, tmp_path) as url:
            assert await session(url) == "70 °F."
    for expected, found in zip(*(script.asked for script in scripts), strict=True):
        assert told(found) == told(expected)
        assert prompt_of(found) == prompt_of(expected)
    last = scripts[1].asked[-1]
    assert told(last)[2:4] == [
        ("assistant", "One moment.", "I have to look it up.\n", [NAME]),
        ("tool", RESULT, None, []),
    ]
    assert "Zürich" in prompt_of(last)
    assert HELP in prompt_of(last)
