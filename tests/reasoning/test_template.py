"""The chat template renders as Hugging Face does it, in a sandbox."""

import json

import pytest

from localqwq.errors import LocalqwqError
from localqwq.locations import demo_checkpoint
from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.template import PROMPT_LIMIT, render

TOOL: Tool = {"type": "function", "function": {"name": "größer", "parameters": {"b": 1, "a": 2}}}
CALL: Message = {
    "role": "assistant",
    "content": "",
    "reasoning_content": "secret",
    "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": "<ä>"}'}}
    ],
}


@pytest.fixture(scope="module")
def qwq() -> str:
    """QwQ's chat template."""
    path = demo_checkpoint() / "tokenizer_config.json"
    template: str = json.loads(path.read_text(encoding="utf-8"))["chat_template"]
    return template


def say(template: str, *messages: Message, tools: tuple[Tool, ...] = ()) -> str:
    """The prompt with no begin and end texts."""
    return render(template, messages, tools, bos="", eos="")


def test_prompt_ends_in_an_open_thought(qwq: str) -> None:
    """The template makes QwQ think."""
    assert say(qwq, {"role": "user", "content": "Hi"}) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n"
    )


def test_content_is_passed_on_as_it_is(qwq: str) -> None:
    """No trimming, no escaping, no interpretation of what looks like a template."""
    content = "  {{ 1 + 1 }} <b>&</b>\n\n"
    assert f"user\n{content}<|im_end|>" in say(qwq, {"role": "user", "content": content})


def test_thoughts_stay_out_of_later_turns(qwq: str) -> None:
    """Neither the reasoning field nor a thought inside the content is repeated to the model."""
    prompt = say(
        qwq,
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "reasoning_content": "secret"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "secret</think>\n\nd"},
        {"role": "user", "content": "e"},
    )
    assert "secret" not in prompt
    assert "assistant\nb<|im_end|>" in prompt
    assert "assistant\nd<|im_end|>" in prompt


def test_calls_and_tools_are_json_without_escapes(qwq: str) -> None:
    """Arguments become an object again; keys keep their order, umlauts and brackets stay."""
    prompt = say(
        qwq,
        {"role": "user", "content": "a"},
        CALL,
        {"role": "tool", "content": "7", "tool_call_id": "1"},
        tools=(TOOL,),
    )
    assert '<tool_call>\n{"name": "f", "arguments": {"x": "<ä>"}}\n</tool_call>' in prompt
    assert json.dumps(TOOL, ensure_ascii=False) in prompt
    assert "user\n<tool_response>\n7\n</tool_response>" in prompt
    assert "secret" not in prompt


def test_missing_content_is_empty() -> None:
    """OpenAI's API allows null beside tool calls."""
    message: Message = {**CALL, "content": None}  # type: ignore[typeddict-item]  # from JSON
    assert say("{{ '[' + messages[0].content + ']' }}", message) == "[]"


def test_arguments_that_are_no_json_are_passed_on() -> None:
    """A template gets the text that a model once wrote."""
    broken: Message = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{x"}}
        ],
    }
    assert say("{{ messages[0].tool_calls[0].function.arguments }}", broken) == "{x"


def test_blocks_are_trimmed_and_helpers_are_there() -> None:
    """As in Hugging Face: block lines leave no line breaks, tokens and the date are known."""
    template = (
        "  {% if true %}\n{{ bos_token }}{{ eos_token }}{{ strftime_now('%%') }}\n{% endif %}"
    )
    assert render(template, [], bos="<s>", eos="</s>") == "<s></s>%\n"


def test_a_refusal_is_told_in_the_templates_words() -> None:
    """`raise_exception` reaches the person."""
    with pytest.raises(LocalqwqError, match=r"refuses .*: Roles must alternate"):
        say("{{ raise_exception('Roles must alternate') }}")


@pytest.mark.parametrize(
    "template",
    [
        "{% if %}",
        "{{ missing.attribute }}",
        "{{ 'a' + 1 }}",
        "{{ 1 / 0 }}",
        "{{ ''.__class__.__mro__ }}{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{% for a in range(99999) %}" + "x" * 5000 + "{% endfor %}",
    ],
)  # fmt: skip
def test_a_broken_template_is_one_sentence(template: str) -> None:
    """Whatever a template does, a person reads a sentence, and memory stays bounded."""
    with pytest.raises(LocalqwqError, match="chat template does not work") as failure:
        say(template)
    assert len(str(failure.value)) < 500 < PROMPT_LIMIT
