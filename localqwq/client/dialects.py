"""Which request fields a server supports: strict servers reject unknown ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OPENAI = (
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "stop",
    "max_tokens",
    "temperature",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
)
_LLAMA_CPP = (
    "top_k",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repeat_last_n",
    "xtc_probability",
    "xtc_threshold",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "dry_penalty_last_n",
    "reasoning_budget_message",
    "return_progress",
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The request fields of one kind of server, by our names for them."""

    fields: Mapping[str, str] | None
    """Its names for the fields it supports; None for localqwq, which supports all."""
    thoughts: bool = False
    """Whether it reads thoughts in the messages of a conversation."""

    @property
    def is_ours(self) -> bool:
        """Whether it is localqwq, which separates thoughts and answers by tokens."""
        return self.fields is None

    def body(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request in this server's form."""
        if self.fields is None:
            return dict(request)
        body = {self.fields[name]: value for name, value in request.items() if name in self.fields}
        if not self.thoughts:
            body["messages"] = [_without_thought(message) for message in body["messages"]]
        return body


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


OURS = Dialect(None)
OPENAI = Dialect(_same(*_OPENAI))
"""What every server supports."""
_VLLM = Dialect(
    {
        **_same(*_OPENAI, "top_k", "min_p", "continue_final_message", "add_generation_prompt"),
        "repeat_penalty": "repetition_penalty",
    },
    thoughts=True,
)
_BY_OWNER: Mapping[str, Dialect] = {
    "localqwq": OURS,
    "llamacpp": Dialect(
        {
            **_same(*_OPENAI, *_LLAMA_CPP),
            "reasoning_budget": "reasoning_budget_tokens",
        },
        thoughts=True,
    ),
    "vllm": _VLLM,
    "sglang": _VLLM,
}
"""By the servers' ``owned_by`` in their lists of models."""


def dialect_of(models: Any) -> Dialect:
    """Return the dialect of a server with this response to ``GET /v1/models``."""
    try:
        owners = {model.get("owned_by") for model in models["data"]}
        known = [_BY_OWNER[owner] for owner in owners]
    except (AttributeError, KeyError, TypeError):
        return OPENAI
    return known[0] if len(known) == 1 else OPENAI


def _without_thought(message: Mapping[str, Any]) -> Mapping[str, Any]:
    if "reasoning_content" not in message:
        return message
    return {name: value for name, value in message.items() if name != "reasoning_content"}
