"""Running a turn with tools in the calling thread, for programs without an event loop."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from localqwq.agent.carrying import carry_out, denied
from localqwq.agent.events import AgentEvent, CallBegan, CallEnded, CallsMade, Step
from localqwq.agent.permission import Decision, Denied
from localqwq.agent.stop import Stop
from localqwq.agent.turn import AgentTurn, PlannedCall
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message, Tool

Chat = Callable[[Sequence[Message], Sequence[Tool]], Generator[Event, None, None]]
"""Ask the model for its next answer, with these tools."""
Decide = Callable[[PlannedCall], Decision]


def run_blocking(turn: AgentTurn, chat: Chat, decide: Decide) -> Generator[AgentEvent, None, None]:
    """Yield the events of a turn, an ``AgentFinish`` last.

    Tools run in the calling thread, one after the other, for as long as they take. Closing the
    generator ends the model's answer. Raises what ``chat`` raises.
    """
    while True:
        with closing(chat(turn.messages, turn.definitions)) as events:
            for event in events:
                turn.take(event)
                yield event
        calls = turn.end_round()
        if not calls:
            yield turn.finish()
            return
        yield CallsMade(tuple(planned.call for planned in calls))
        steps: list[Step] = []
        for planned in calls:
            yield from _made(planned, decide, turn.rounds, steps)
        yield turn.add(steps)


def _made(
    planned: PlannedCall, decide: Decide, round_: int, steps: list[Step]
) -> Generator[AgentEvent, None, None]:
    """Carry out a call and append its step."""
    if planned.problem:
        step = planned.step(round_)
    elif isinstance(decision := decide(planned), Denied):
        step = denied(planned, decision.reason, round_)
    else:
        yield CallBegan(planned.call)
        step = carry_out(planned, Stop(), round_)
    steps.append(step)
    yield CallEnded(step)
