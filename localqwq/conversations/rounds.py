"""The rounds of an answer before its last text: what the model said, and which tools it called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from localqwq.reasoning.messages import Message, MessageToolCall

CallStatus = Literal[
    "waiting", "running", "done", "failed", "denied", "timed out", "interrupted", "not run"
]
"""``waiting``: for permission. ``running``: without a result yet. ``interrupted``: stopped, or
localqwq ended meanwhile; ``not run``: the same, before the call was allowed.
"""

INTERRUPTED = "This call was interrupted; whether it had any effect is unknown."
NOT_RUN = "This call did not run: the turn ended before it was allowed."


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call of a tool, and what came of it."""

    id: str
    """As the model's messages have it; unique within its round."""
    name: str
    arguments: str
    """A JSON object as text."""
    result: str = ""
    """What the tool returned, complete; or why it did not."""
    read: str = ""
    """What the model read of the result; empty if nobody has noted that."""
    status: CallStatus = "running"
    seconds: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it has a result."""
        return self.status not in ("waiting", "running")

    def ended(self) -> StoredCall:
        """Return the call as one that no longer runs, and never will."""
        if self.status == "waiting":
            return replace(self, status="not run", result=NOT_RUN)
        if self.status == "running":
            return replace(self, status="interrupted", result=INTERRUPTED)
        return self


@dataclass(frozen=True, slots=True)
class Round:
    """One answer of the model that called tools."""

    thought: str = ""
    text: str = ""
    calls: tuple[StoredCall, ...] = ()


def messages_of(rounds: Sequence[Round], *, keep_thoughts: bool) -> list[Message]:
    """Return what the model reads of the rounds: its own answers and the results."""
    found: list[Message] = []
    for one in rounds:
        calls: list[MessageToolCall] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in one.calls
        ]
        said: Message = {"role": "assistant", "content": one.text.strip(), "tool_calls": calls}
        if keep_thoughts and (thought := one.thought.strip()):
            said["reasoning_content"] = thought
        found.append(said)
        for call in map(StoredCall.ended, one.calls):
            content = call.read or call.result
            found.append({"role": "tool", "content": content, "tool_call_id": call.id})
    return found
