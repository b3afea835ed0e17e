"""The Python API, as a program uses it."""

import copy
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localqwq import Answer, Finish, LocalModel, LocalqwqError, Thought, ToolCall, load
from localqwq.api import _OwnEngine
from localqwq.reasoning.messages import Message
from tests.api_in_server import in_server

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def own_model(demo_gguf: Path) -> Iterator[LocalModel]:
    """The demo model by its file, in this process."""
    with load(demo_gguf, context=1024) as model:
        yield model


@pytest.fixture(scope="module")
def served_model(demo_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """The same in the running server."""
    with in_server(demo_gguf, tmp_path_factory.mktemp("server")) as (model, _), model:
        yield model


@pytest.fixture(params=["own_model", "served_model"])
def model(request: pytest.FixtureRequest) -> LocalModel:
    """One of them: a program does not see the difference."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, LocalModel)
    return found


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


def test_only_the_new_message_is_read(own_model: LocalModel) -> None:
    """Between the turns the model reads ahead, by itself."""
    model = own_model
    assert isinstance(model._source, _OwnEngine)
    messages: list[Message] = [{"role": "user", "content": "How many r's are in strawberry?"}]
    answer = "".join(
        event.text for event in model.chat(messages, temperature=0) if isinstance(event, Answer)
    )
    while not model._source.thread.resting:  # it does as long as there is something to read
        time.sleep(0.001)
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


WRONG: list[tuple[Any, dict[str, Any], str]] = [
    ([], {}, "no messages"),
    ((), {}, "no messages"),
    ("Hello", {}, "'messages'.*list"),
    (None, {}, "'messages'.*list"),
    ({"role": "user", "content": "Hello"}, {}, "'messages'.*list"),
    (["Hello"], {}, "'messages.0'"),
    ([{"content": "Hello"}], {}, "'messages.0.role'.*missing"),
    ([{"role": "human", "content": "Hello"}], {}, "'messages.0.role'.*'user'"),
    ([{"role": "user", "content": 5}], {}, "'messages.0.content'"),
    ([{"role": "user", "content": {"text": "Hello"}}], {}, "'messages.0.content'"),
    ([{"role": "user", "content": b"Hello"}], {}, "'messages.0.content'"),
    ([{"role": "assistant", "content": "", "tool_calls": [{}]}], {}, "'messages.0.tool_calls.0"),
    (HELLO, {"max_tokens": "8"}, "'max_tokens'"),
    (HELLO, {"max_tokens": 8.5}, "'max_tokens'"),
    (HELLO, {"max_tokens": -2}, "'max_tokens'"),
    (HELLO, {"temperature": "hot"}, "'temperature'"),
    (HELLO, {"temperature": float("nan")}, "'temperature'"),
    (HELLO, {"seed": 2**64}, "'seed'"),
    (HELLO, {"stop": 5}, "'stop'"),
    (HELLO, {"stop": [""]}, "'stop.0'"),
    (HELLO, {"tools": [{"name": "calculator"}]}, "'tools.0'.*function"),
    (HELLO, {"tools": "calculator"}, "'tools'"),
    (HELLO, {"tool_choice": "calculator"}, "'tool_choice'"),
    (HELLO, {"tool_choice": 5}, "'tool_choice'"),
    (HELLO, {"response_format": "json"}, "'response_format'"),
    (HELLO, {"response_format": {"type": "json_schema"}}, "'response_format'"),
    (HELLO, {"reasoning_budget": True}, "'reasoning_budget'"),
]


@pytest.mark.parametrize(("messages", "options", "sentence"), WRONG)
def test_wrong_values_are_named(
    model: LocalModel, messages: Any, options: dict[str, Any], sentence: str
) -> None:
    """Before the template sees them; the model answers as before."""
    with pytest.raises(LocalqwqError, match=sentence):
        model.chat(messages, **options)


def test_what_openai_takes_is_taken(model: LocalModel) -> None:
    """Parts of text, tuples, one text to stop at, no content beside calls, no token at all."""
    parts: Any = ({"role": "user", "content": [{"type": "text", "text": "Hello"}]},)
    expected = say(model, "Hello")
    events = model.chat(parts, temperature=0, stop="unlikely end")
    assert "".join(event.text for event in events if isinstance(event, Answer)) == expected
    (*_, end) = model.chat(HELLO, max_tokens=0)
    assert isinstance(end, Finish)
    assert (end.reason, end.usage.completion_tokens) == ("length", 0)


@pytest.mark.parametrize(("name", "context"), [(5, None), (None, "8k"), (None, 0), (None, True)])
def test_wrong_loads_are_named(name: Any, context: Any) -> None:
    """In one sentence, before anything is looked for."""
    with pytest.raises(LocalqwqError, match=r"model|context"):
        load(name, context=context)


def test_devices_that_may_be_lost_are_refused(
    demo_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llama.cpp ends the process that loses an RPC server, and here that is the user's own."""
    started = "from localqwq.engine.rpc.lend import main; main()"
    command = [sys.executable, "-c", started, "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().removeprefix("listening on ").strip()
        monkeypatch.setenv("LOCALQWQ_RPC", address)
        with pytest.raises(LocalqwqError, match="LOCALQWQ_RPC"):
            load(demo_gguf, context=512)
        server.kill()


def test_a_model_stays_where_it_is(model: LocalModel) -> None:
    """It cannot be copied, nor sent to another process."""
    with pytest.raises(LocalqwqError, match="load it there"):
        pickle.dumps(model)
    with pytest.raises(LocalqwqError, match="load it there"):
        copy.copy(model)


def test_refusals_come_back_from_other_processes(model: LocalModel) -> None:
    """With all that they say: a pool waits for ever for what cannot be unpickled."""
    for wrong, attributes in (({"max_tokens": "8"}, ("param",)), ({}, ("needed", "available"))):
        with pytest.raises(LocalqwqError) as caught:
            model.chat([{"role": "user", "content": "word " * 5000}], **wrong)  # type: ignore[arg-type]
        back = pickle.loads(pickle.dumps(caught.value))
        assert (type(back), str(back)) == (type(caught.value), str(caught.value))
        for name in attributes:
            assert getattr(back, name) == getattr(caught.value, name)


def test_the_name_costs_nothing() -> None:
    """Importing the package imports neither llama.cpp nor the app."""
    code = "import sys, localqwq; print({'llama_cpp', 'textual', 'numpy'} & set(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert output.stdout.strip() == "set()"
