"""Tools in the Python API, with the demo model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq import (
    AgentEvent,
    AgentFinish,
    Answer,
    CallEnded,
    LocalModel,
    LocalqwqError,
    Message,
    load,
)

PROMPT: list[Message] = [{"role": "user", "content": "What is 47 times 86?"}]


@pytest.fixture(scope="module")
def model(demo_gguf: Path) -> Iterator[LocalModel]:
    """The demo model by its file."""
    with load(demo_gguf, context=1024) as model:
        yield model


def calculator(expression: str) -> int:
    """Calculate the value of an arithmetic expression.

    Args:
        expression: The expression to calculate, for example 12 * 34.
    """
    left, _, right = expression.partition("*")
    return int(left) * int(right)


def answer(events: list[AgentEvent]) -> str:
    """The text of all answers."""
    return "".join(event.text for event in events if isinstance(event, Answer))


@pytest.mark.parametrize("tool", ["calculator", calculator])
def test_call_result_answer(model: LocalModel, tool: object) -> None:
    """With the built-in calculator, and with a function of one's own."""
    events = list(model.agent(PROMPT, [tool], temperature=0))  # type: ignore[list-item]
    assert answer(events) == "47 * 86 = 4042."
    [step] = [event.step for event in events if isinstance(event, CallEnded)]
    assert (step.name, step.result, step.status) == ("calculator", "4042", "done")
    assert isinstance(events[-1], AgentFinish)
    assert events[-1].steps == (step,)


@pytest.mark.parametrize("refusal", [False, "Not today."])
def test_a_refused_call(model: LocalModel, refusal: bool | str) -> None:
    """The tool is not run, and the answer claims no product."""
    events = list(model.agent(PROMPT, ["calculator"], approve=lambda call: refusal, temperature=0))
    [step] = [event.step for event in events if isinstance(event, CallEnded)]
    assert step.denied
    assert "cannot" in answer(events)
    assert "=" not in answer(events)


def test_what_cannot_be_used_is_said_at_once(model: LocalModel) -> None:
    """Before the model is asked."""
    with pytest.raises(LocalqwqError, match="no tool 'abacus'"):
        model.agent(PROMPT, ["abacus"])
    with pytest.raises(LocalqwqError, match="temprature"):
        list(model.agent(PROMPT, [], temprature=1))  # type: ignore[call-arg]  # that is the point


def test_a_dropped_turn_ends(model: LocalModel) -> None:
    """Others go on."""
    dropped = model.agent(PROMPT, ["calculator"])
    next(dropped)
    dropped.close()
    assert answer(list(model.agent(PROMPT, ["calculator"], temperature=0))) == "47 * 86 = 4042."
