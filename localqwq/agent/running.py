"""Running a turn with tools in an event loop."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from localqwq.agent.carrying import carry_out, denied, timed_out
from localqwq.agent.events import AgentEvent, CallBegan, CallEnded, CallsMade, Step
from localqwq.agent.permission import Decision, Denied
from localqwq.agent.stop import Stop
from localqwq.agent.threads import in_daemon
from localqwq.agent.turn import AgentTurn, PlannedCall
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message, Tool

Chat = Callable[[Sequence[Message], Sequence[Tool]], AsyncGenerator[Event, None]]
"""Ask the model for its next answer, with these tools."""
Decide = Callable[[PlannedCall], Awaitable[Decision]]


async def run(turn: AgentTurn, chat: Chat, decide: Decide) -> AsyncGenerator[AgentEvent, None]:
    """Yield the events of a turn, an ``AgentFinish`` last.

    Closing the generator ends the model's answer and running calls. Raises what ``chat`` raises.
    """
    while True:
        async with aclosing(chat(turn.messages, turn.definitions)) as events:
            async for event in events:
                turn.take(event)
                yield event
        calls = turn.end_round()
        if not calls:
            yield turn.finish()
            return
        yield CallsMade(tuple(planned.call for planned in calls))
        steps: dict[str, Step] = {}
        async with aclosing(_carry_out(turn, calls, decide)) as done:
            async for one in done:
                if isinstance(one, CallEnded):
                    steps[one.step.id] = one.step
                yield one
        yield turn.add([steps[planned.call.id] for planned in calls])


async def _carry_out(
    turn: AgentTurn, calls: Sequence[PlannedCall], decide: Decide
) -> AsyncGenerator[CallBegan | CallEnded, None]:
    """Carry out the calls of one round: asked about in turn, made at the same time."""
    stop = Stop()
    places = asyncio.Semaphore(turn.limits.parallel)
    tasks: list[asyncio.Task[Step]] = []

    async def make(planned: PlannedCall) -> Step:
        async with places:
            return await _made(planned, stop, turn)

    try:
        for planned in calls:
            if planned.problem:
                yield CallEnded(planned.step(turn.rounds))
                continue
            decision = await decide(planned)
            if isinstance(decision, Denied):
                yield CallEnded(denied(planned, decision.reason, turn.rounds))
                continue
            yield CallBegan(planned.call)
            tasks.append(asyncio.create_task(make(planned)))
        for finished in asyncio.as_completed(tasks):
            yield CallEnded(await finished)
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _made(planned: PlannedCall, stop: Stop, turn: AgentTurn) -> Step:
    """Carry out a call, for as long as it may take."""
    own, seconds = Stop(), turn.limits.call_seconds

    def work() -> Step:
        return carry_out(planned, own, turn.rounds)

    with stop.calling(own.set):
        try:
            return await asyncio.wait_for(in_daemon(work, f"tool-{planned.call.name}"), seconds)
        except TimeoutError:
            return timed_out(planned, seconds, turn.rounds)
        finally:
            own.set()
