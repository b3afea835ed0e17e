"""The existing part of an answer that is continued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Measures, Turn
from localqwq.reasoning.messages import Message

if TYPE_CHECKING:
    from localqwq.client.options import ChatOptions


@dataclass(frozen=True, slots=True)
class PartialAnswer:
    """The existing part of an answer."""

    thought: str = ""
    text: str = ""
    measures: Measures = field(default_factory=Measures)
    rounds: tuple[Round, ...] = ()
    """The answers before it in the same turn, in which the model called tools."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to continue."""
        return not (self.thought or self.text or self.rounds)


def begun_measures(turn: Turn, thought: str) -> Measures:
    """Return the measures of an answer that continues ``turn`` with this changed thought.

    Its tokens are scaled proportionally: the edited thought was never counted.
    """
    before = sum(len(one.thought) for one in turn.rounds)
    whole = before + len(turn.thought)
    kept = (before + len(thought)) / whole if whole else 0.0
    tokens = round(turn.measures.thought_tokens * kept)
    return Measures(thought_tokens=tokens, tokens=tokens)


def beginning(begun: PartialAnswer) -> Message:
    """Return the last message of a request that continues an answer."""
    message: Message = {"role": "assistant", "content": begun.text}
    if begun.thought:
        message["reasoning_content"] = begun.thought
    return message


def asked(
    messages: Sequence[Message], options: ChatOptions, begun: PartialAnswer
) -> tuple[list[Message], ChatOptions]:
    """Return the messages and options of a request for an answer, or for the rest of one."""
    if not (begun.thought or begun.text):
        return list(messages), options
    return [*messages, beginning(begun)], replace(options, continue_final_message=True)
