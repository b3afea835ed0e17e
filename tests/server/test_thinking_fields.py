"""Whether and how much is to be thought, under the names that clients have for it."""

from pathlib import Path
from typing import Any

import pytest

from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.request import GenerationRequest
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import ThoughtEnd
from localqwq.server.http.schema import ChatRequest

QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}"
)
"""Its prompt without thinking is another one."""
OFF = "{% for m in messages %}{{ m.content }}{% endfor %}{% if thinking %}<think>\n{% endif %}"
"""Does not think unless it is told to."""


def asked(content: str = "1 + 1?", **fields: Any) -> GenerationRequest:
    """What the engine is asked for."""
    body = {"messages": [{"role": "user", "content": content}], **fields}
    return ChatRequest.model_validate(body).generation(Sampling())


@pytest.mark.parametrize(
    ("fields", "thinking", "budget"),
    [
        ({}, None, None),
        ({"enable_thinking": False}, False, 0),
        ({"enable_thinking": True}, True, None),
        ({"chat_template_kwargs": {"enable_thinking": False}}, False, 0),
        ({"chat_template_kwargs": {"thinking": True}}, True, None),
        ({"think": False}, False, 0),
        ({"think": "low"}, True, 1024),
        ({"reasoning": {"effort": "none"}}, False, 0),
        ({"reasoning": {"effort": "medium"}}, True, 4096),
        ({"reasoning": {"enabled": False}}, False, 0),
        ({"reasoning": {"max_tokens": 9}}, None, 9),
        ({"thinking": {"type": "disabled"}}, False, 0),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, True, 9),
        ({"thinking": {"type": "auto"}}, None, None),
        ({"reasoning_effort": "none"}, False, 0),
        ({"reasoning_effort": "low", "reasoning_budget": 7}, True, 7),
        ({"content": "1 + 1? /no_think"}, False, 0),
        ({"content": "1 + 1? /no_think", "enable_thinking": True}, True, None),
    ],
)
def test_what_is_asked(fields: dict[str, Any], thinking: bool | None, budget: int | None) -> None:
    """The template is told so, and the budget where it knows of nothing."""
    request = asked(**fields)
    assert (request.thinking, request.reasoning_budget) == (thinking, budget)


@pytest.mark.parametrize(
    ("template", "fields", "end"),
    [
        (QWEN3, {}, "assistant\n"),
        (QWEN3, {"enable_thinking": False}, "assistant\n<think>\n\n</think>\n\n"),
        (QWEN3, {"think": False}, "assistant\n<think>\n\n</think>\n\n"),
        (QWEN3, {"reasoning_effort": "low"}, "assistant\n"),
        (OFF, {}, "1 + 1?"),
        (OFF, {"enable_thinking": True}, "<think>\n"),
        (OFF, {"chat_template_kwargs": {"thinking": True}}, "<think>\n"),
    ],
)
def test_prompts_of_templates_with_a_switch(
    demo_gguf: Path, template: str, fields: dict[str, Any], end: str
) -> None:
    """Under the name that the template has for it."""
    with Engine.load(demo_gguf, LoadOptions(context=256, chat_template=template)) as engine:
        prompt = engine.prepare(asked(**fields)).prompt
        assert b"".join(map(engine.piece, prompt.tokens)).decode().endswith(end)
        assert prompt.in_thought is end.endswith("<think>\n")


def test_a_template_without_a_switch(demo_gguf: Path) -> None:
    """QwQ's opens the thought, which is closed at once."""
    with Engine.load(demo_gguf, LoadOptions(context=256)) as engine:
        events = list(engine.generate(asked("12+30", enable_thinking=False, temperature=0)))
        ends: set[ThoughtEnd] = {event.thought for event in events if hasattr(event, "thought")}
        assert ends == {"budget"}
