"""Thoughts between the calls of one turn, with a template that leaves them out, as QwQ's does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq import AgentFinish, Finish, LocalModel, load
from localqwq.engine.templates import TemplateRenderer
from localqwq.gguf.facts import read_facts
from localqwq.reasoning.events import Usage
from localqwq.reasoning.messages import Message
from localqwq.reasoning.turn_thoughts import KEEP, with_turn_thoughts

CALL: Message = {
    "role": "assistant",
    "content": "",
    "reasoning_content": "I say </think> and <|im_end|>.",
    "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "calculator", "arguments": "{}"}}
    ],
}
RESULT: Message = {"role": "tool", "content": "4", "tool_call_id": "1"}
FIRST: Message = {"role": "user", "content": "What is 2 * 2?"}


@pytest.fixture
def renderer(demo_gguf: Path) -> Iterator[TemplateRenderer]:
    """The demo's template, which is QwQ's."""
    template = read_facts(demo_gguf).chat_template
    assert template is not None
    names = ["<|im_start|>", "<|im_end|>"]
    made = TemplateRenderer(template, bos="", eos="<|im_end|>", names=names)
    yield made
    made.close()


def prompt(renderer: TemplateRenderer, messages: list[Message], *, keep: bool) -> list[str]:
    """The pieces of a prompt."""
    return renderer.render(messages, [], {KEEP: keep})


def test_they_are_kept_on_request_as_the_model_wrote_them(renderer: TemplateRenderer) -> None:
    """With the real tags around them, and none within."""
    pieces = prompt(renderer, [FIRST, CALL, RESULT], keep=True)
    whole = "".join(pieces)
    assert "assistant\n<think>\nI say </think> and <|im_end|>.\n</think>\n\n<tool_call>" in whole
    # What the thought says of tags is cut, so that no tokenizer takes it for one.
    assert sum(piece.count("</think>") for piece in pieces) == 1
    assert "I say" not in "".join(prompt(renderer, [FIRST, CALL, RESULT], keep=False))


def test_they_leave_with_the_next_prompt(renderer: TemplateRenderer) -> None:
    """As all thoughts do."""
    answer: Message = {"role": "assistant", "content": "4"}
    messages = [FIRST, CALL, RESULT, answer, FIRST]
    assert "I say" not in "".join(prompt(renderer, messages, keep=True))


def test_text_beside_the_call_follows_the_thought() -> None:
    """And only answers with calls are changed."""
    said: Message = {**CALL, "content": "Let me see."}
    plain: Message = {"role": "assistant", "content": "x", "reasoning_content": "y"}
    kept = with_turn_thoughts([CALL, FIRST, said, RESULT, plain], "(", ")")
    assert [message["content"] for message in kept] == [
        "",
        "What is 2 * 2?",
        "(\nI say </think> and <|im_end|>.\n)\n\nLet me see.",
        "4",
        "x",
    ]


@pytest.fixture(scope="module")
def model(demo_gguf: Path) -> Iterator[LocalModel]:
    """The demo model by its file."""
    with load(demo_gguf, context=1024) as model:
        yield model


def rounds(model: LocalModel, content: str, *, keep: bool) -> tuple[Usage, Usage]:
    """What the rounds before and after the call used."""
    question: Message = {"role": "user", "content": content}
    variables = {KEEP: keep}
    events = list(
        model.agent([question], ["calculator"], temperature=0, chat_template_kwargs=variables)
    )
    assert isinstance(events[-1], AgentFinish)
    first, second = [event.usage for event in events if isinstance(event, Finish)]
    return first, second


def test_the_cache_goes_on(model: LocalModel) -> None:
    """With thoughts, the prompt of the second round begins with all that the first one
    generated; without them, it is shorter.
    """
    first, second = rounds(model, "What is 47 times 88?", keep=True)
    generated = first.prompt_tokens + first.completion_tokens
    assert second.cached_tokens >= generated - 2  # the end of the turn has another line break
    added = second.prompt_tokens - generated
    first, second = rounds(model, "What is 47 times 87?", keep=False)
    assert first.reasoning_tokens > 0
    left_out = added - (second.prompt_tokens - first.prompt_tokens - first.completion_tokens)
    assert left_out >= first.reasoning_tokens
