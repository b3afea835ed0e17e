"""Running a turn in an event loop: at the same time, within limits, and stopped at any point."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import aclosing

from localqwq.agent.events import AgentEvent, AgentFinish, CallBegan, CallEnded
from localqwq.agent.functions import function_tool
from localqwq.agent.limits import Limits
from localqwq.agent.permission import Allowed, Decision
from localqwq.agent.running import run
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, Arguments
from localqwq.agent.turn import AgentTurn, PlannedCall
from localqwq.reasoning.messages import Message
from tests.agent.scripted import Script

PROMPT: list[Message] = [{"role": "user", "content": "Do it."}]


async def yes(_: PlannedCall) -> Decision:
    """Allow everything."""
    return Allowed()


async def ran(
    script: Script, tools: Sequence[AgentTool], limits: Limits | None = None
) -> list[AgentEvent]:
    """All events of a turn."""
    turn = AgentTurn(PROMPT, tools, limits)
    async with aclosing(run(turn, script.chat_async, yes)) as events:
        return [event async for event in events]


def test_calls_of_a_round_are_made_at_the_same_time() -> None:
    """Each of them waits for the other here; results are told in the order of the calls."""
    meeting = threading.Barrier(2, timeout=30)

    def meet(name: str) -> str:
        """Wait for the other one."""
        meeting.wait()
        return name

    script = Script([("meet", '{"name": "a"}'), ("meet", '{"name": "b"}')], "Both.")
    events = asyncio.run(ran(script, [function_tool(meet)]))
    kinds = [type(event) for event in events if isinstance(event, CallBegan | CallEnded)]
    assert kinds == [CallBegan, CallBegan, CallEnded, CallEnded]
    assert [message["content"] for message in script.read[1][-2:]] == ["a", "b"]


def test_a_call_that_takes_too_long_is_told() -> None:
    """And the turn goes on."""
    never = threading.Event()

    def hang() -> None:
        """Wait for nothing."""
        never.wait()

    script = Script([("hang", "{}")], "It hangs.")
    events = asyncio.run(ran(script, [function_tool(hang)], Limits(call_seconds=0.05)))
    never.set()
    assert isinstance(events[-1], AgentFinish)
    assert [step.status for step in events[-1].steps] == ["timed out"]
    assert "0.05 seconds" in script.read[1][-1]["content"]


def test_closing_ends_running_calls() -> None:
    """They are told to stop."""
    started, stopped = threading.Event(), threading.Event()

    def work(_: Arguments, stop: Stop) -> str:
        started.set()
        if stop.wait(30):
            stopped.set()
        return ""

    tool = AgentTool("work", "Work.", {}, work, lambda arguments: arguments)

    async def leave() -> None:
        turn = AgentTurn(PROMPT, [tool])
        async with aclosing(run(turn, Script([("work", "{}")]).chat_async, yes)) as events:
            async for event in events:
                if isinstance(event, CallBegan):
                    break

    async def cancel() -> None:
        task = asyncio.create_task(ran(Script([("work", "{}")]), [tool]))
        await asyncio.to_thread(started.wait, 30)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())
    asyncio.run(cancel())
    assert stopped.wait(30)
