"""The typed events of a generation, the same from the engine and from the client."""

from dataclasses import dataclass, field
from typing import Any, Literal

FinishReason = Literal["stop", "length", "tool_calls", "loop"]
"""``loop``: the answer kept repeating itself."""

ThoughtEnd = Literal["none", "closed", "budget", "requested", "loop", "unfinished"]
"""How the thought ended: there was ``none``, the model ``closed`` it, its ``budget`` was used up,
somebody ``requested`` the answer, it was a ``loop``, or the generation ended inside it.
"""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The model's own probability of a token, before any sampling."""

    text: str
    bytes: bytes
    """The token's bytes, possibly part of a character."""
    logprob: float
    """Natural logarithm of the probability."""
    top: tuple["TokenLogprob", ...] = ()
    """The most probable tokens at this position, in order; these have no alternatives of their
    own.
    """


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """Progress of prompt processing."""

    done: int
    """Prompt tokens in the KV cache, including reused ones."""
    total: int
    """Number of prompt tokens."""
    cached: int
    """Number of reused prompt tokens."""
    seconds: float = 0.0
    """Seconds since processing began."""

    @property
    def tps(self) -> float:
        """Tokens processed per second; 0 if unknown."""
        read = self.done - self.cached
        return read / self.seconds if read > 0 and self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the prompt is processed, at the rate so far; ``None`` if unknown."""
        return (self.total - self.done) / self.tps if self.tps else None


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the thought."""

    text: str
    tokens: int = 1
    """Tokens generated since the last event; 0 for text that was only held back."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Log probabilities of the tokens that the model chose, if requested."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A piece of the answer."""

    text: str
    tokens: int = 1
    """Tokens generated since the last event; 0 for text that was only held back."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Log probabilities of the tokens that the model chose, if requested."""


@dataclass(frozen=True, slots=True)
class Reclassified:
    """All text of the turn so far belongs elsewhere.

    This happens with text alone, if a server marks thoughts by neither fields nor tokens: a
    ``</think>`` that nothing opened turns the reported answer into the thought.
    """

    to: Literal["thought", "answer"]
    tokens: int = 0
    """Always 0."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One complete tool call."""

    id: str
    name: str
    arguments: str
    """A JSON object as text, as in OpenAI's API."""


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A piece of a call while it is generated; the complete :class:`ToolCall` follows at its end.

    The first part of a call has its name and no arguments, later ones only arguments.
    """

    id: str
    name: str
    arguments: str
    """A piece of the arguments' JSON text."""
    tokens: int = 0
    """Tokens generated since the last event."""


@dataclass(frozen=True, slots=True)
class PromptLogprobs:
    """The model's probabilities of the prompt's own tokens."""

    logprobs: tuple[TokenLogprob | None, ...]
    """One per token; None for the first, which follows nothing."""


@dataclass(frozen=True, slots=True)
class ContextChanged:
    """The context was recreated with another size or rope scaling."""

    context: int
    """New context length in tokens."""
    factor: float
    """YaRN factor; 1 for none."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    completion_tokens: int = 0
    """All generated tokens, including the thought and the end-of-turn token."""

    @property
    def total_tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations in seconds and rates in tokens per second; 0 if not measured."""

    load_s: float = 0.0
    """Time to load the model."""
    first_token_s: float = 0.0
    """Time from the request to the first generated token."""
    prompt_tps: float = 0.0
    generate_tps: float = 0.0


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a generation; always the last event."""

    reason: FinishReason
    usage: Usage
    timings: Timings
    sampling: dict[str, Any] = field(default_factory=dict)
    """The sampling parameters used, under OpenAI's and llama-server's names, including the seed."""
    thought: ThoughtEnd = "none"
    stop: str | None = None
    """The stop string that ended the answer, if one did."""


Event = (
    PromptProgress
    | PromptLogprobs
    | ContextChanged
    | Thought
    | Answer
    | Reclassified
    | ToolCallPart
    | ToolCall
    | Finish
)
