"""The turn as a state machine: rounds, limits, repetition, and what the model reads."""

import json

from hypothesis import given
from hypothesis import strategies as st

from localqwq.agent.blocking import run_blocking
from localqwq.agent.events import AgentEvent, AgentFinish, Step
from localqwq.agent.functions import function_tool
from localqwq.agent.limits import Limits
from localqwq.agent.permission import Allowed, Decision, Denied
from localqwq.agent.turn import AgentTurn, PlannedCall
from localqwq.reasoning.messages import Message
from tests.agent.scripted import Said, Script

PROMPT: list[Message] = [{"role": "user", "content": "Do it."}]


def double(value: int) -> int:
    """Double a number."""
    return 2 * value


def yes(_: PlannedCall) -> Decision:
    """Allow everything."""
    return Allowed()


def ran(script: Script, limits: Limits | None = None) -> list[AgentEvent]:
    """All events of a turn."""
    turn = AgentTurn(PROMPT, [function_tool(double)], limits)
    return list(run_blocking(turn, script.chat, yes))


def finish(events: list[AgentEvent]) -> AgentFinish:
    """The last event."""
    assert isinstance(events[-1], AgentFinish)
    return events[-1]


def call(value: int) -> Said:
    """A round with one call."""
    return [("double", json.dumps({"value": value}))]


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["double", "nothing"]),
        st.sampled_from(['{"value": 1}', '{"value": "2"}', "{}", "[1]", "{", '{"value": 3}']),
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(CALLS, max_size=6), st.integers(1, 5))
def test_every_call_has_its_result(rounds: list[Said], most: int) -> None:
    """In the order of the calls, right behind them; whatever the model calls, the turn ends."""
    script = Script(*rounds, "Done.")
    end = finish(ran(script, Limits(rounds=most)))
    assert end.rounds <= most + 1
    messages = script.read[-1]
    while messages:
        message = messages.pop(0)
        for one in message.get("tool_calls", []):
            result = messages.pop(0)
            assert (result["role"], result.get("tool_call_id")) == ("tool", one["id"])
            assert result["content"]
    assert [step.status for step in end.steps if step.name == "nothing"] == [
        "failed" for step in end.steps if step.name == "nothing"
    ]


def test_thoughts_stay_between_the_calls() -> None:
    """Of this turn."""
    script = Script(call(4), "8")
    assert finish(ran(script)).reason == "answer"
    _, answer, result = script.read[1]
    assert answer["reasoning_content"] == "Hm."
    assert result["content"] == "8"


def test_rounds_are_limited() -> None:
    """Then there are no more tools, and the model is told."""
    script = Script(*(call(value) for value in range(9)))
    end = finish(ran(script, Limits(rounds=2)))
    assert (end.reason, end.rounds, len(end.steps)) == ("rounds", 3, 2)
    assert script.offered == [["double"], ["double"], []]
    assert "answer now" in script.read[-1][-1]["content"]


def test_tokens_and_seconds_are_limited() -> None:
    """Of all rounds together."""
    script = Script(*(call(value) for value in range(9)))
    assert finish(ran(script, Limits(tokens=11))).rounds == 4
    seconds = iter(range(100))
    turn = AgentTurn(
        PROMPT, [function_tool(double)], Limits(seconds=3), lambda: float(next(seconds))
    )
    events = list(run_blocking(turn, Script(*map(call, range(50))).chat, yes))
    assert finish(events).reason == "seconds"


def test_repetition_without_progress_is_noticed() -> None:
    """The model is told the second time, and has to answer after the third."""
    script = Script([("double", '{"value":1}')], [("double", '{ "value": 1 }')], call(1))
    end = finish(ran(script))
    assert (end.reason, len(end.steps)) == ("repetition", 3)
    assert "made before" not in script.read[1][-1]["content"]
    assert "made before" in script.read[2][-1]["content"]


def test_changing_results_are_progress() -> None:
    """Equal calls are fine as long as something changes."""
    numbers = iter(range(100))

    def poll() -> int:
        """Return the next number."""
        return next(numbers)

    turn = AgentTurn(PROMPT, [function_tool(poll)])
    script = Script(*[[("poll", "{}")]] * 6, "Six.")
    assert finish(list(run_blocking(turn, script.chat, yes))).reason == "answer"


def test_a_denied_call_is_told() -> None:
    """With the reason; the others are made."""

    def decide(planned: PlannedCall) -> Decision:
        return Denied("Too small.") if planned.arguments["value"] < 5 else Allowed()

    turn = AgentTurn(PROMPT, [function_tool(double)])
    both = [("double", '{"value": 2}'), ("double", '{"value": 7}')]
    script = Script(both, "Half.")
    end = finish(list(run_blocking(turn, script.chat, decide)))
    assert [step.denied for step in end.steps] == [True, False]
    *_, refused, done = script.read[1]
    assert "refused" in refused["content"]
    assert "Too small." in refused["content"]
    assert done["content"] == "14"


def test_a_call_after_the_last_round_is_not_made() -> None:
    """Some servers let the model call what it was not offered."""
    turn = AgentTurn(PROMPT, [function_tool(double)], Limits(rounds=1))
    script = Script(call(1))
    for event in script.chat(PROMPT, turn.definitions):
        turn.take(event)
    [planned] = turn.end_round()
    turn.add([Step(planned.call.id, "double", "{}", "2", "done")])
    for event in Script(call(2)).chat(PROMPT, [function_tool(double).definition()]):
        turn.take(event)
    assert turn.end_round() == []
    assert turn.finish().reason == "rounds"
