"""Calls are demanded and held to their schema, in the form that the template shows."""

import json
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.request import GenerationRequest
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Finish, ToolCall
from localqwq.reasoning.messages import Tool

CALLS = (
    "{% for m in messages %}<{{ m.role }}>{% for t in m.tool_calls or [] %}"
    "FORM{% endfor %}{{ m.content }}{% endfor %}{{ tools | tojson }}<assistant>"
)
BARE = CALLS.replace(
    "FORM",
    """{"name": "{{ t.function.name }}", "parameters": {{ t.function.arguments | tojson }}}""",
)
TAGGED = CALLS.replace("FORM", "<tool_call>{{ t.function | tojson }}</tool_call>")
XML = CALLS.replace(
    "FORM",
    "<tool_call>\n<function={{ t.function.name }}>\n{% for k, v in t.function.arguments.items() %}"
    "<parameter={{ k }}>\n{{ v }}\n</parameter>\n{% endfor %}</function>\n</tool_call>",
)
LISTED = CALLS.replace(
    "FORM",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{{ t.function.name }}\n"
    "```json\n{{ t.function.arguments | tojson }}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
)
PLAIN = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
TOOLS: list[Tool] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 99}},
                "required": ["n"],
                "additionalProperties": False,
            },
        },
    }
    for name in ("add", "take")
]


@pytest.mark.parametrize("template", [BARE, TAGGED, XML, PLAIN, LISTED])
@pytest.mark.parametrize("choice", ["required", "take"])
def test_calls_that_are_demanded(demo_gguf: Path, template: str, choice: str) -> None:
    """One call of a tool, with arguments by its schema, and no text beside it."""
    request = GenerationRequest(
        messages=[{"role": "user", "content": "12+30"}],
        tools=TOOLS,
        tool_choice=choice,
        parallel_tool_calls=False,
        max_tokens=200,
    )
    options = LoadOptions(context=1024, chat_template=template)
    with Engine.load(demo_gguf, options) as engine:
        forms = {BARE: "bare", XML: "xml", LISTED: "other"}
        assert engine.traits.call_format == forms.get(template, "tagged")
        assert engine.traits.tools is (template is not PLAIN)
        events = list(engine.generate(request))
    (call,) = [event for event in events if isinstance(event, ToolCall)]
    assert call.name == "take" if choice == "take" else call.name in ("add", "take")
    arguments = json.loads(call.arguments)
    assert set(arguments) == {"n"}
    assert arguments["n"] in range(100)
    assert not "".join(event.text for event in events if isinstance(event, Answer)).strip()
    end = events[-1]
    assert isinstance(end, Finish)
    assert end.reason == "tool_calls"


@pytest.mark.parametrize("choice", ["required", "take"])
def test_several_listed_calls(demo_gguf: Path, choice: str) -> None:
    """Each has arguments by its schema, and the first is one of the tool that was asked for."""
    most = 0
    options = LoadOptions(context=1024, chat_template=LISTED, threads=1)
    with Engine.load(demo_gguf, options) as engine:
        for seed in range(6):
            request = GenerationRequest(
                messages=[{"role": "user", "content": "12+30"}],
                tools=TOOLS,
                tool_choice=choice,
                sampling=Sampling(temperature=50, top_k=0, top_p=1, seed=seed),
                reasoning_budget=0,
                max_tokens=300,
            )
            events = list(engine.generate(request))
            calls = [event for event in events if isinstance(event, ToolCall)]
            assert calls
            assert calls[0].name in (choice, *(("add", "take") if choice == "required" else ()))
            for call in calls:
                assert set(json.loads(call.arguments)) == {"n"}
                assert json.loads(call.arguments)["n"] in range(100)
            most = max(most, len(calls))
    assert most > 1
