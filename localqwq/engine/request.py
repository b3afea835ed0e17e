"""A generation request, and what the engine rejects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.budget import HANDOVER
from localqwq.reasoning.messages import Message, Tool

MAX_TOP_LOGPROBS = 20
MAX_BIAS = 100.0
"""Maximum absolute bias, as in OpenAI's API. Minus infinity bans a token."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A request to generate one assistant turn."""

    messages: Sequence[Message] = ()
    tools: Sequence[Tool] = ()
    """Tools that the model may call; without any, calls are not parsed."""
    sampling: Sampling | None = None
    """Sampling parameters; ``None`` for the model's own."""
    max_tokens: int | None = None
    """Maximum tokens to generate; ``None`` for as many as fit the context."""
    stop: Sequence[str] = ()
    """Strings that end the answer and are not part of it; they may occur in the thought."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """Values added to the logits of tokens."""
    ignore_eos: bool = False
    """Whether to keep the model from ending by itself."""
    top_logprobs: int | None = None
    """Number of alternatives reported with each token's log probability; ``None`` for no report."""
    reasoning_budget: int | None = None
    """Maximum tokens of thought; ``None`` for no limit."""
    thinking: bool | None = None
    """Whether the model should think, if its template supports it; None for its default."""
    effort: str | None = None
    """How much it should think, for templates that support it."""
    template_variables: Mapping[str, Any] = field(default_factory=dict)
    """Additional variables of the chat template."""
    handover: str = HANDOVER
    """Text inserted at the end of a thought that is closed from outside."""
    loop_detection: bool = True
    prompt: str | Sequence[int] | None = None
    """Raw text or tokens to continue, instead of messages: no template, no thought."""
    score_prompt: bool = False
    """Also report the log probabilities of the prompt's tokens; requires ``top_logprobs``."""
    response_format: Mapping[str, Any] | None = None
    """The form of the answer, as in OpenAI's API."""
    tool_choice: str = "auto"
    """``auto``, ``none``, ``required``, or the name of the tool to call."""
    parallel_tool_calls: bool = True
    """Whether a turn may have several calls; otherwise it ends after the first."""
    rope: Literal["auto", "off"] = "auto"
    """``off`` keeps the context from growing into rope scaling for this request."""
    cache_prompt: bool = True
    """Whether to reuse the KV cache; otherwise the whole prompt is computed."""
    cache_on_disk: bool = True
    """Whether evicted states may be kept on disk, where the text could be recovered from them."""
    continue_final_message: bool = False
    """Continue the final message, which must be the assistant's: its ``content``, or its
    ``reasoning_content`` if it has nothing else; the thought may also be in the content, after
    ``<think>``. A budget counts from here on.
    """

    @property
    def history(self) -> Sequence[Message]:
        """The messages before the generated turn."""
        return self.messages[:-1] if self.continue_final_message else self.messages


class RequestRefused(LocalqwqError):
    """A value of the request is not allowed."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param
        """The request's field."""


class ContextExceeded(LocalqwqError):
    """The prompt does not fit the context."""

    def __init__(self, needed: int, available: int, *, least: bool = False) -> None:
        """Set up; ``least``: it needs no fewer tokens, and how many was not counted."""
        shown = f"at least {needed}" if least else f"{needed}"
        super().__init__(
            f"The conversation needs {shown} tokens of context but only {available} are "
            "available; start a new conversation or choose a longer context (--ctx)."
        )
        self.needed = needed
        self.available = available


TEMPLATE_FUNCTIONS = frozenset(
    ("range", "dict", "lipsum", "cycler", "joiner", "namespace", "raise_exception", "strftime_now")
)
"""What chat templates call; variables of these names would take their places."""


def check_values(request: GenerationRequest, sampling: Sampling, vocabulary: int) -> None:
    """Raise :class:`RequestRefused` for values that llama.cpp must not get.

    ``vocabulary``: the number of the model's tokens.
    """
    if (found := sampling.problem()) is not None:
        raise RequestRefused(found[0], f"The sampling value {found[0]} {found[1]}.")
    for token, bias in request.logit_bias.items():
        if not 0 <= token < vocabulary:
            raise RequestRefused(
                "logit_bias",
                f"The token {token} of logit_bias does not exist: this model has the tokens 0 to "
                f"{vocabulary - 1}.",
            )
        if not -MAX_BIAS <= bias <= MAX_BIAS and bias != float("-inf"):  # NaN fails both
            raise RequestRefused(
                "logit_bias",
                f"The bias of token {token} must be from {-MAX_BIAS:g} to {MAX_BIAS:g}.",
            )
    _check_prompt(request, vocabulary)
    for name in request.template_variables:
        if name in TEMPLATE_FUNCTIONS:
            raise RequestRefused(
                "chat_template_kwargs",
                f"{name} is a function of chat templates: leave it out of chat_template_kwargs.",
            )
    if not all(request.stop):
        raise RequestRefused("stop", "A stop string must not be empty.")
    if not 0 <= (request.top_logprobs or 0) <= MAX_TOP_LOGPROBS:
        raise RequestRefused(
            "top_logprobs", f"The number of top_logprobs must be from 0 to {MAX_TOP_LOGPROBS}."
        )
    for name in ("max_tokens", "reasoning_budget"):
        if (getattr(request, name) or 0) < 0:
            raise RequestRefused(name, f"The limit {name} must not be negative.")


def _check_prompt(request: GenerationRequest, vocabulary: int) -> None:
    """Raise :class:`RequestRefused` for an unusable raw prompt."""
    if request.score_prompt and request.top_logprobs is None:
        raise RequestRefused("logprobs", "Scoring the prompt requires logprobs.")
    if request.prompt is None:
        return
    if not request.prompt:
        raise RequestRefused("prompt", "The prompt must not be empty.")
    if isinstance(request.prompt, str):
        return
    for token in request.prompt:
        if not 0 <= token < vocabulary:
            raise RequestRefused(
                "prompt",
                f"The token {token} of the prompt does not exist: this model has the tokens 0 to "
                f"{vocabulary - 1}.",
            )
