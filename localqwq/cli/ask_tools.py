"""``localqwq ask --tools``: an answer for which the model may call tools."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localqwq.agent.audit import AuditLog
from localqwq.agent.events import AgentFinish, CallBegan, CallEnded, CallsMade, ResultsRead, Step
from localqwq.agent.grants import GrantsFile
from localqwq.agent.limits import FORCED, Limits
from localqwq.agent.permission import Permissions
from localqwq.agent.running import run
from localqwq.agent.turn import AgentTurn
from localqwq.cli.answer_output import AnswerPrinter, as_json
from localqwq.cli.permission_prompt import PermissionPrompt
from localqwq.cli.settings import read_settings
from localqwq.client.collected import Collected
from localqwq.conversations import steps
from localqwq.reasoning.events import Event
from localqwq.reasoning.turn_thoughts import KEEP

if TYPE_CHECKING:
    from localqwq.agent.events import AgentEvent
    from localqwq.agent.tool import AgentTool
    from localqwq.client.chat_client import ChatClient
    from localqwq.client.options import ChatOptions
    from localqwq.reasoning.messages import Message, Tool

_SHOWN = 600
"""Characters of a result that are shown."""


async def answer_with_tools(
    client: ChatClient,
    messages: Sequence[Message],
    options: ChatOptions,
    tools: Sequence[AgentTool],
    yes_to: Sequence[str],
    printer: AnswerPrinter,
    *,
    as_json: bool,
) -> None:
    """Print an answer, and on stderr the calls that led to it."""
    chosen = read_settings().agent
    limits = Limits(rounds=chosen.max_rounds, tokens=chosen.max_tokens, seconds=chosen.max_seconds)
    turn = AgentTurn(messages, tools, limits)
    if chosen.keep_thoughts:
        options = replace(options, more={**options.more, "chat_template_kwargs": {KEEP: True}})
    prompt, audit = PermissionPrompt(printer), AuditLog()
    permissions = Permissions(
        yes_to=yes_to,
        ask=prompt.ask if prompt.is_possible else None,
        remembered=GrantsFile(),
    )
    rounds = [Collected()]
    shown = _ShownCalls(printer)

    def chat(now: Sequence[Message], definitions: Sequence[Tool]) -> AsyncGenerator[Event, None]:
        return client.chat(now, replace(options, tools=definitions))

    end: AgentFinish | None = None
    async with aclosing(run(turn, chat, audit.noting(permissions.decide))) as events:
        async for event in events:
            if isinstance(event, CallEnded):
                audit.ended(event.step)
            if isinstance(event, AgentFinish):
                end = event
            elif as_json:
                _collect(event, rounds)
            else:
                shown.take(event)
    assert end is not None
    printer.end()
    if audit.problem:
        print(audit.problem, file=sys.stderr)
    if as_json:
        document = _document(rounds, end, options.model)
        print(json.dumps(document, ensure_ascii=False, indent=2))
    elif sentence := FORCED.get(end.reason):
        print(sentence, file=sys.stderr)


def _collect(event: AgentEvent, rounds: list[Collected]) -> None:
    if isinstance(event, CallsMade | CallBegan | CallEnded | ResultsRead | AgentFinish):
        return
    if rounds[-1].finish is not None:
        rounds.append(Collected())
    rounds[-1].take(event)


class _ShownCalls:
    """Shows the model's events, and its calls between them."""

    def __init__(self, printer: AnswerPrinter) -> None:
        self._printer = printer
        self._begun: set[str] = set()

    def take(self, event: AgentEvent) -> None:
        """Show one event."""
        match event:
            case CallBegan(call):
                self._begun.add(call.id)
                self._printer.note(steps.call(call.name, call.arguments))
            case CallEnded(step):
                if step.id not in self._begun:
                    self._printer.note(steps.call(step.name, step.arguments))
                self._printer.note(_result(step))
            case CallsMade() | ResultsRead() | AgentFinish():
                pass
            case _:
                self._printer.take(event)


def _result(step: Step) -> str:
    text = step.result if len(step.result) <= _SHOWN else step.result[: _SHOWN - 1] + "…"
    if step.status != "done":
        return f"← {step.status}: {text}"
    return steps.result(text) or "← (nothing)"


def _document(rounds: Sequence[Collected], end: AgentFinish, model: str | None) -> dict[str, Any]:
    """Return the last answer as ``ask --json`` prints it, with what led to it."""
    document = as_json(rounds[-1], model)
    document["reasoning"] = "\n\n".join(one.thought for one in rounds if one.thought)
    usages = [one.finish.usage for one in rounds if one.finish is not None]
    document["usage"] = {
        name: sum(getattr(usage, name) for usage in usages) for name in document["usage"]
    }
    document["steps"] = [_step(step) for step in end.steps]
    document["rounds"] = end.rounds
    document["end_reason"] = end.reason
    return document


def _step(step: Step) -> dict[str, Any]:
    try:
        arguments = json.loads(step.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = step.arguments
    return {
        "name": step.name,
        "arguments": arguments,
        "result": step.result,
        "denied": step.denied,
        "status": step.status,
        "seconds": step.seconds,
    }
