"""What a request asks for, and what the settings mean for that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localqwq.reasoning.budget import EFFORTS, HANDOVER
from localqwq.reasoning.messages import Message, Tool

if TYPE_CHECKING:
    from localqwq.settings.schema import Settings
    from localqwq.settings.sections import Preset, ThinkingSettings

GATHERED_S = 0.1
"""What comes within so many seconds is drawn together, and may come together."""
GATHERED_ON_PROCESSOR_S = 0.25
"""The same where the engine has nothing but the processor: what is spent on each chunk, in two
processes, is taken from it."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What a request asks for; ``None`` leaves the choice to the server."""

    model: str | None = None
    tools: Sequence[Tool] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    stop: Sequence[str] = ()
    reasoning_budget: int | None = None
    """Tokens that the thought may have; -1: no limit."""
    reasoning_effort: str | None = None
    reasoning_budget_message: str | None = None
    """What a thought says at its end when it is closed from outside."""
    loop_detection: bool | None = None
    continue_final_message: bool | None = None
    """The final message is the beginning of the answer, which goes on from there. ``None`` rather
    than false, since many servers do not know it."""
    stream_interval: float | None = None
    """Seconds; what comes within them may come together. For our own server."""
    more: Mapping[str, object] = field(default_factory=dict)
    """Other fields of the request, by the server's names for them."""


def chat_options(
    settings: Settings,
    model: str | None,
    *,
    goes_on: bool,
    gathered: float = GATHERED_S,
    temporary: bool = False,
) -> ChatOptions:
    """The request's options; what is not set is left to the model.

    `goes_on`: the last message is the beginning of the answer. `gathered`: seconds of which the
    tokens may come together. `temporary`: nothing of the conversation may be stored anywhere.
    """

    thinking = settings.thinking
    return ChatOptions(
        model=model,
        reasoning_budget=thinking.budget,
        reasoning_effort=thinking.effort if thinking.budget is None else None,
        reasoning_budget_message=None if thinking.hand_over == HANDOVER else thinking.hand_over,
        loop_detection=None if thinking.loop_detection else False,
        continue_final_message=goes_on or None,
        stream_interval=gathered,
        more={
            **settings.sampling.model_dump(exclude_none=True),
            **({"cache_on_disk": False} if temporary else {}),
        },
    )


def budget(thinking: ThinkingSettings) -> int | None:
    """Tokens that a thought may have; None for no limit."""
    if thinking.budget is not None:
        return None if thinking.budget < 0 else thinking.budget
    return None if thinking.effort is None else EFFORTS[thinking.effort]


def system_prompt(settings: Settings) -> str:
    """What a conversation that begins now is told first."""
    return settings.prompts.chosen().system or settings.prompts.system


def worded(messages: Iterable[Message], preset: Preset) -> list[Message]:
    """The messages with the preset's words below each prompt.

    Below all of them, not only the last, so that what was read once need not be read again.
    """
    if not preset.prompt:
        return list(messages)
    return [
        {**message, "content": preset.asked(message["content"])}
        if message["role"] == "user"
        else message
        for message in messages
    ]
