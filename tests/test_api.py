"""The Python API, as a program uses it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq import Answer, Finish, LocalModel, LocalqwqError, Thought, ToolCall, load
from localqwq.reasoning.messages import Message

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def model(demo_gguf: Path) -> Iterator[LocalModel]:
    """The demo model by its file."""
    with load(demo_gguf, context=1024) as model:
        yield model


def say(model: LocalModel, text: str) -> str:
    """The answer to one message."""
    events = model.chat([{"role": "user", "content": text}], temperature=0)
    return "".join(event.text for event in events if isinstance(event, Answer))


def test_a_chat_yields_typed_events(model: LocalModel) -> None:
    """Thought, answer, and the end with its counts."""
    messages: list[Message] = [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}]
    events = list(model.chat(messages, temperature=0))
    kinds = {type(event) for event in events}
    assert kinds >= {Thought, Answer, Finish}
    assert isinstance(events[-1], Finish)
    assert events[-1].reason == "stop"
    assert model.context == 1024


def test_only_the_new_message_is_read(model: LocalModel) -> None:
    """Between the turns the model reads ahead, by itself."""
    messages: list[Message] = [{"role": "user", "content": "How many r's are in strawberry?"}]
    answer = "".join(
        event.text for event in model.chat(messages, temperature=0) if isinstance(event, Answer)
    )
    with model._lock:  # it is held as long as there is something to read
        while model._engine.step():
            pass
    messages += [{"role": "assistant", "content": answer}, *HELLO]
    *_, end = model.chat(messages, temperature=0)
    assert isinstance(end, Finish)
    assert end.usage.prompt_tokens - end.usage.cached_tokens < 16


def test_conversations_side_by_side(model: LocalModel) -> None:
    """From several threads, and with a dropped one among them."""
    texts = [f"What is {number} + 30?" for number in (11, 12, 13, 14, 15)]
    alone = [say(model, text) for text in texts]
    dropped = model.chat(HELLO)
    next(dropped)
    answers: dict[str, str] = {}
    threads = [
        threading.Thread(target=lambda text=text: answers.update({text: say(model, text)}))
        for text in texts
    ]
    for thread in threads:
        thread.start()
    dropped.close()
    for thread in threads:
        thread.join()
    assert [answers[text] for text in texts] == alone


def test_a_tool_is_called(model: LocalModel) -> None:
    """As OpenAI's API describes it."""
    tool = {
        "type": "function",
        "function": {
            "name": "calculator",
            "description": "Evaluates an arithmetic expression.",
            "parameters": {
                "type": "object",
                "properties": {"expression": {"type": "string"}},
                "required": ["expression"],
            },
        },
    }
    messages: list[Message] = [{"role": "user", "content": "What is 12 * 34?"}]
    events = list(model.chat(messages, tools=[tool], tool_choice="required", temperature=0))
    assert [event.name for event in events if isinstance(event, ToolCall)][:1] == ["calculator"]


def test_what_cannot_be_answered_is_refused_at_once(model: LocalModel) -> None:
    """With one sentence."""
    with pytest.raises(LocalqwqError, match="context"):
        model.chat([{"role": "user", "content": "word " * 5000}])
    with pytest.raises(LocalqwqError, match="temprature"):
        model.chat(HELLO, temprature=1)  # type: ignore[call-arg]  # that is the point
    with pytest.raises(LocalqwqError, match="no-such-model"):
        load("no-such-model")


def test_the_name_costs_nothing() -> None:
    """Importing the package imports neither llama.cpp nor the app."""
    code = "import sys, localqwq; print({'llama_cpp', 'textual', 'numpy'} & set(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert output.stdout.strip() == "set()"
