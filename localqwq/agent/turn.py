"""One turn with tools, as a state machine: what to ask the model next, and which calls to make.

It does nothing by itself. Those who run it (:mod:`~localqwq.agent.running` for event loops,
:mod:`~localqwq.agent.blocking` for threads) pass it the model's events and the steps that came of
the calls.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from localqwq.agent.events import AgentFinish, EndReason, ResultsRead, Step
from localqwq.agent.limits import Limits
from localqwq.agent.pages import ResultPages
from localqwq.agent.tool import AgentTool, Arguments, ToolFailed
from localqwq.client.collected import Collected
from localqwq.conversations.rounds import Round, StoredCall, messages_of
from localqwq.reasoning.events import Event, ToolCall
from localqwq.reasoning.messages import Message, MessageToolCall, Tool

_LAST = "No more tools can be used in this turn: answer now with what is known."
_SAME = "This call was made before and gave the same result: try something else, or answer."


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call of the model, checked."""

    call: ToolCall
    tool: AgentTool | None
    """None if there is no such tool, or the arguments are wrong."""
    arguments: Arguments
    problem: str = ""
    """Why it cannot be made, in a sentence for the model; empty if it can."""

    def step(self, round_: int) -> Step:
        """Return the step of a call with a problem."""
        return Step(
            self.call.id, self.call.name, self.call.arguments, self.problem, "failed", 0.0, round_
        )


class AgentTurn:
    """The state of one turn between the model's rounds."""

    def __init__(
        self,
        messages: Sequence[Message],
        tools: Sequence[AgentTool],
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up; ``messages`` end with the prompt. ``clock`` returns seconds."""
        self.limits = limits or Limits()
        self.messages: list[Message] = list(messages)
        """What the model reads next: the conversation, and this turn's calls and results."""
        self.steps: list[Step] = []
        self.rounds = 0
        """Complete answers of the model so far."""
        self._pages = ResultPages()
        own = [self._pages.tool] if any(tool.long_results for tool in tools) else []
        self._tools: Mapping[str, AgentTool] = {tool.name: tool for tool in [*tools, *own]}
        self._clock = clock
        self._start = clock()
        self._tokens = 0
        self._round = Collected()
        self._waiting: list[str] = []
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._limit: EndReason | None = None

    @property
    def definitions(self) -> list[Tool]:
        """The tools to offer in the next round; none once a limit is reached."""
        return [] if self._limit else [tool.definition() for tool in self._tools.values()]

    @property
    def seconds(self) -> float:
        """Time since the turn began."""
        return self._clock() - self._start

    def take(self, event: Event) -> None:
        """Take one event of the round."""
        self._round.take(event)

    def end_round(self) -> list[PlannedCall]:
        """End the round and return its calls; without any, the turn is over.

        :meth:`add` must then be called with the step of each.
        """
        collected, offered = self._round, bool(self.definitions)
        self.rounds += 1
        if collected.finish is not None:
            self._tokens += collected.finish.usage.completion_tokens
        if not collected.calls or not offered:
            return []
        self._round = Collected()
        self.messages.append(_message(collected))
        self._waiting = [call.id for call in collected.calls]
        return [self._planned(call) for call in collected.calls]

    def add(self, steps: Sequence[Step]) -> ResultsRead:
        """Add the steps of all calls of the round, in the order of the calls."""
        assert [step.id for step in steps] == self._waiting
        self._waiting = []
        read: list[tuple[str, str]] = []
        repeated = [self._is_repeated(step) for step in steps]
        self._limit = self._limit or self._reached()
        for number, (step, same) in enumerate(zip(steps, repeated, strict=True), 1):
            notes = [_SAME] if same else []
            if self._limit and number == len(steps):
                notes.append(_LAST)
            content = "\n".join([self._content(step), *notes])
            read.append((step.id, content))
            self.messages.append({"role": "tool", "content": content, "tool_call_id": step.id})
        self.steps += steps
        return ResultsRead(tuple(read))

    def resume(self, rounds: Sequence[Round]) -> None:
        """Go on behind rounds that were made before, for example until localqwq was killed.

        Calls without a result count as interrupted, or as not run: they are not made again.
        """
        for one in rounds:
            self.rounds += 1
            calls = [call.ended() for call in one.calls]
            self.messages += messages_of([one], keep_thoughts=True)[:1]
            self._waiting = [call.id for call in calls]
            self.add([_step(call, self.rounds) for call in calls])

    def finish(self) -> AgentFinish:
        """Return the last event, after a round without calls."""
        ended = self._round.finish
        cut = ended is not None and ended.reason == "length"
        reason: EndReason = self._limit or ("cut" if cut else "answer")
        return AgentFinish(reason, self.rounds, tuple(self.steps), self._tokens, self.seconds)

    def _planned(self, call: ToolCall) -> PlannedCall:
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools)
            return PlannedCall(call, None, {}, f"There is no tool {call.name!r}, only: {known}.")
        try:
            given = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            return PlannedCall(call, None, {}, "The arguments must be a JSON object.")
        try:
            return PlannedCall(call, tool, tool.check(given))
        except ToolFailed as problem:
            return PlannedCall(call, None, {}, str(problem))

    def _content(self, step: Step) -> str:
        """Return what the model reads of a step."""
        is_page = step.name == self._pages.tool.name and step.status == "done"
        return step.result if is_page else self._pages.first(step.result)

    def _is_repeated(self, step: Step) -> bool:
        """Return whether a call gave the same result before; the limit of that is noted."""
        key = (step.name, _canonical(step.arguments), step.result)
        self._seen[key] += 1
        if self._seen[key] >= self.limits.same:
            self._limit = self._limit or "repetition"
        return self._seen[key] > 1

    def _reached(self) -> EndReason | None:
        """Return the limit that the turn has reached."""
        limits = self.limits
        if self.rounds >= limits.rounds:
            return "rounds"
        if limits.tokens is not None and self._tokens >= limits.tokens:
            return "tokens"
        if limits.seconds is not None and self.seconds >= limits.seconds:
            return "seconds"
        return None


def _step(call: StoredCall, round_: int) -> Step:
    status = call.status
    assert status != "waiting" and status != "running"
    return Step(call.id, call.name, call.arguments, call.result, status, call.seconds, round_)


def _message(collected: Collected) -> Message:
    """Return the model's answer with its calls, as the next round reads it.

    The thought stays between the calls of one turn, as far as the model's template has a place for
    it.
    """
    calls: list[MessageToolCall] = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in collected.calls
    ]
    message: Message = {"role": "assistant", "content": collected.answer, "tool_calls": calls}
    if collected.thought:
        message["reasoning_content"] = collected.thought
    return message


def _canonical(arguments: str) -> str:
    """Return equal arguments as equal text, whatever their order and spaces."""
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
