"""The body of a request for an answer, in OpenAI's form with the fields that others add to it."""

from collections.abc import Sequence
from typing import Any

from localqwq.client.options import ChatOptions
from localqwq.reasoning.messages import Message

_PLAIN = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "reasoning_budget",
    "reasoning_effort",
    "reasoning_budget_message",
    "loop_detection",
    "continue_final_message",
    "stream_interval",
)
"""Options sent unchanged."""


def request_body(messages: Sequence[Message], options: ChatOptions) -> dict[str, Any]:
    """Return the body of a request, with all that our own server understands."""
    body: dict[str, Any] = {
        "model": options.model or "default",
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    if options.tools:
        body["tools"] = list(options.tools)
    if options.stop:
        body["stop"] = list(options.stop)
    body |= options.more
    for name in _PLAIN:
        if (value := getattr(options, name)) is not None:
            body[name] = value
    if options.continue_final_message:
        body["add_generation_prompt"] = False  # vLLM's default contradicts the other field
    return body
