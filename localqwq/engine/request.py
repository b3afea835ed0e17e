"""What one generation is asked for, and what the engine refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.budget import HANDOVER
from localqwq.reasoning.messages import Message, Tool

MAX_TOP_LOGPROBS = 20
MAX_BIAS = 100.0
"""Either way, as in OpenAI's API. Minus infinity bans a token."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One assistant turn to be generated."""

    messages: Sequence[Message] = ()
    tools: Sequence[Tool] = ()
    """Tools that the model may call; without any, calls are not looked for."""
    sampling: Sampling | None = None
    """``None``: the model's own."""
    max_tokens: int | None = None
    """``None``: until the context is full."""
    stop: Sequence[str] = ()
    """Texts that end the answer and are not part of it; the thought may have them."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """What is added to the logits of tokens."""
    ignore_eos: bool = False
    """Never let the model end by itself."""
    top_logprobs: int | None = None
    """With how many alternatives each token's log probability comes; ``None``: it does not."""
    reasoning_budget: int | None = None
    """Tokens of thought; ``None``: no limit."""
    thinking: bool | None = None
    """Whether the model is to think, where its template can be told so; None: as it is made."""
    effort: str | None = None
    """How much it is to think, for templates that can be told so."""
    template_variables: Mapping[str, Any] = field(default_factory=dict)
    """Further variables of the chat template, by its own names."""
    handover: str = HANDOVER
    """What the thought says at its end when it is closed from outside."""
    loop_detection: bool = True
    prompt: str | Sequence[int] | None = None
    """Text or tokens to go on from as they are, instead of messages: no template, no thought."""
    score_prompt: bool = False
    """Tell the log probabilities of the prompt's tokens as well; goes with ``top_logprobs``."""
    response_format: Mapping[str, Any] | None = None
    """What form the answer has, as OpenAI's API describes it."""
    tool_choice: str = "auto"
    """``auto``, ``none``, ``required``, or the name of the tool that is to be called."""
    parallel_tool_calls: bool = True
    """Several calls in one turn; without, the turn ends after its first call."""
    rope: Literal["auto", "off"] = "auto"
    """``off``: the context must not grow into rope scaling for this request."""
    cache_prompt: bool = True
    """Reuse what is in the KV cache; without, all of the prompt is computed anew."""
    cache_on_disk: bool = True
    """What leaves the KV cache may be kept on disk, from which its text could be read again."""
    continue_final_message: bool = False
    """Go on with the final message, the assistant's, within its ``content``, or within its
    ``reasoning_content`` where that is all it has; the thought may stand in the content as well,
    after ``<think>``. A budget counts what comes from here on."""

    @property
    def history(self) -> Sequence[Message]:
        """The messages before the turn that is generated."""
        return self.messages[:-1] if self.continue_final_message else self.messages


class RequestRefused(LocalqwqError):
    """A value of the request that cannot be served."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param
        """The request's field."""


class ContextExceeded(LocalqwqError):
    """The prompt does not fit into the context."""

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(
            f"The conversation needs {needed} tokens of context and {available} are available; "
            "start a new conversation or choose a longer context (--ctx)."
        )
        self.needed = needed
        self.available = available


def check_values(request: GenerationRequest, sampling: Sampling, vocabulary: int) -> None:
    """Raise :class:`RequestRefused` for what llama.cpp must not be given.

    ``vocabulary``: how many tokens the model has.
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
    """Raise :class:`RequestRefused` for a raw prompt that cannot be read."""
    if request.score_prompt and request.top_logprobs is None:
        raise RequestRefused("logprobs", "Scoring the prompt goes with logprobs.")
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
