"""Options of a request, and their values from the settings."""

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
"""Seconds over which tokens are drawn together, and may be sent together."""
GATHERED_ON_PROCESSOR_S = 0.25
"""The same if the engine uses only the processor: the cost of each chunk, in two processes, is
taken from it.
"""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Options of a request; ``None`` leaves the choice to the server."""

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
    """Maximum tokens of thought; -1 for no limit."""
    reasoning_effort: str | None = None
    reasoning_budget_message: str | None = None
    """The words at the end of a thought that is closed from outside."""
    loop_detection: bool | None = None
    continue_final_message: bool | None = None
    """Whether the final message is the beginning of the answer to continue. ``None`` rather than
    false, since many servers do not support it.
    """
    stream_interval: float | None = None
    """Seconds over which tokens may be sent together. For our own server."""
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
    """Return the request's options; unset ones are left to the model.

    ``goes_on``: the last message is the beginning of the answer. ``gathered``: seconds over which
    tokens may be sent together. ``temporary``: nothing of the conversation may be stored anywhere.
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
            **{name: value for name, value in settings.sampling if value is not None},
            **({"cache_on_disk": False} if temporary else {}),
        },
    )


def budget(thinking: ThinkingSettings) -> int | None:
    """Return the maximum tokens of a thought; None for no limit."""
    if thinking.budget is not None:
        return None if thinking.budget < 0 else thinking.budget
    return None if thinking.effort is None else EFFORTS[thinking.effort]


def system_prompt(settings: Settings) -> str:
    """Return the system prompt of a conversation that begins now."""
    return settings.prompts.chosen().system or settings.prompts.system


def worded(messages: Iterable[Message], preset: Preset) -> list[Message]:
    """Return the messages with the preset's text below each prompt.

    Below all of them, not only the last, so that the KV cache stays valid.
    """
    if not preset.prompt:
        return list(messages)
    return [
        {**message, "content": preset.asked(message["content"])}
        if message["role"] == "user"
        else message
        for message in messages
    ]
