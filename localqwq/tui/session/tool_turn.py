"""The events of an answer for which the model may call tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localqwq.agent.audit import AuditLog
from localqwq.agent.events import AgentEvent, CallEnded
from localqwq.agent.limits import Limits
from localqwq.agent.running import Decide, run
from localqwq.agent.tool import AgentTool
from localqwq.agent.turn import AgentTurn
from localqwq.reasoning.events import Answer, Event, Thought
from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.turn_thoughts import KEEP
from localqwq.tui.session.partial_answer import PartialAnswer, asked

if TYPE_CHECKING:
    from localqwq.client.chat_client import ChatClient
    from localqwq.client.options import ChatOptions


@dataclass(frozen=True, slots=True)
class ToolTurn:
    """The tools of one answer, and who decides about its calls."""

    tools: Sequence[AgentTool]
    limits: Limits
    decide: Decide
    audit: AuditLog
    keeps_thoughts: bool = False
    """Whether thoughts stay between calls even if the model's template leaves them out."""

    async def events(
        self,
        client: ChatClient,
        messages: Sequence[Message],
        options: ChatOptions,
        started: Callable[[str], None],
        begun: PartialAnswer,
    ) -> AsyncGenerator[AgentEvent, None]:
        """Yield the events of the turn, an ``AgentFinish`` last.

        ``started`` is called with the id of each of the model's answers. ``begun``: the existing
        part of the turn.
        """
        turn = AgentTurn(messages, self.tools, self.limits)
        turn.resume(begun.rounds)
        turn.take(Thought(begun.thought, 0))
        turn.take(Answer(begun.text, 0))
        rest = begun
        if self.keeps_thoughts:
            options = replace(options, more={**options.more, "chat_template_kwargs": {KEEP: True}})

        def chat(
            now: Sequence[Message], definitions: Sequence[Tool]
        ) -> AsyncGenerator[Event, None]:
            nonlocal rest
            read, how = asked(now, options, rest)
            rest = PartialAnswer()
            return client.chat(read, replace(how, tools=definitions), started)

        async with aclosing(run(turn, chat, self.audit.noting(self.decide))) as events:
            async for event in events:
                if isinstance(event, CallEnded):
                    self.audit.ended(event.step)
                yield event
