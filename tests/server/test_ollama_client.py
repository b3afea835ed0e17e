"""Ollama's own client as an independent witness."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localqwq.locations import demo_checkpoint

ollama = pytest.importorskip("ollama", reason="the package 'ollama' is not installed")

STEADY = {"temperature": 0}
QUESTION: Any = [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}]


@pytest.fixture
def client(demo_server: str) -> Iterator[Any]:
    """The client, without the proxies of the environment."""
    with ollama.Client(demo_server, timeout=120, trust_env=False) as client:
        yield client


def test_stream(client: Any) -> None:
    """The pieces are the whole message; thoughts are apart."""
    asked: Any = {"model": "demo", "messages": QUESTION, "options": STEADY}
    whole = client.chat(**asked)
    pieces = list(client.chat(**asked, stream=True, think=True))
    for name in ("content", "thinking"):
        text = "".join(getattr(piece.message, name) or "" for piece in pieces)
        assert text == getattr(whole.message, name) != ""
    assert pieces[-1].done
    assert whole.done_reason == "stop"
    assert whole.eval_count == pieces[-1].eval_count
    quick = client.generate("demo", QUESTION[0]["content"], options=STEADY, think=False)
    assert quick.response
    assert not quick.thinking


def test_tool_loop(client: Any) -> None:
    """The model calls the calculator, reads its result, and answers with it."""
    tool = json.loads((demo_checkpoint() / "calculator.json").read_text(encoding="utf-8"))
    asked: Any = {"model": "demo", "options": STEADY, "tools": [tool]}
    messages: list[Any] = [{"role": "user", "content": "What is 12 * 34?"}]
    called = client.chat(**asked, messages=messages).message
    [call] = called.tool_calls
    assert call.function.arguments["expression"].replace(" ", "") == "12*34"
    result = {"role": "tool", "content": "408", "tool_name": call.function.name}
    answer = client.chat(**asked, messages=[*messages, called, result])
    assert "408" in answer.message.content


def test_models(client: Any) -> None:
    """The client understands the descriptions."""
    [listed] = client.list().models
    shown = client.show(listed.model)
    assert "tools" in shown.capabilities
    assert shown.modelinfo["general.architecture"] == shown.details.family
    [loaded] = client.ps().models
    assert loaded.context_length == 2048
    assert loaded.size == listed.size > 0


def test_errors_are_the_clients_own(client: Any) -> None:
    """With the sentence and the status."""
    with pytest.raises(ollama.ResponseError, match="temperature") as failure:
        client.chat("demo", QUESTION, options={"temperature": -1})
    assert failure.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="2,048"):
        list(client.chat("demo", QUESTION, options={"num_ctx": 10**6}, stream=True))
