"""What a generation yields: typed events, the same from the engine and from the client."""

from dataclasses import dataclass, field
from typing import Any, Literal

FinishReason = Literal["stop", "length", "tool_calls", "loop"]
"""``loop``: the answer repeated itself without end."""

ThoughtEnd = Literal["none", "closed", "budget", "requested", "loop", "unfinished"]
"""How the thought ended: there was ``none``, the model ``closed`` it itself, its ``budget`` was
spent, somebody ``requested`` the answer, it was a ``loop``, or the generation ended within it."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How probable the model itself found a token, before any sampling."""

    text: str
    bytes: bytes
    """A token may be part of a character."""
    logprob: float
    """Natural logarithm of the probability."""
    top: tuple["TokenLogprob", ...] = ()
    """The most probable tokens at this place, the most probable first; themselves without any."""


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """The prompt is being read."""

    done: int
    """Prompt tokens that are in the KV cache, reused ones included."""
    total: int
    """Prompt tokens in all."""
    cached: int
    """Prompt tokens that were reused from earlier."""
    seconds: float = 0.0
    """Since reading began."""

    @property
    def tps(self) -> float:
        """Tokens read per second; 0 before it is known."""
        read = self.done - self.cached
        return read / self.seconds if read > 0 and self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the prompt is read, at the rate so far; ``None`` before it is known."""
        return (self.total - self.done) / self.tps if self.tps else None


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the thought."""

    text: str
    tokens: int = 1
    """Tokens generated since the last event; 0 for text that was only held back."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of those tokens that the model chose, where the request asks for them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A piece of the answer."""

    text: str
    tokens: int = 1
    """Tokens generated since the last event; 0 for text that was only held back."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of those tokens that the model chose, where the request asks for them."""


@dataclass(frozen=True, slots=True)
class Reclassified:
    """All text of the turn that was told so far belongs elsewhere.

    It follows from text alone, where a server tells thoughts and answers apart by neither fields
    nor tokens: a ``</think>`` that nothing opened makes a thought of what was told as an answer.
    """

    to: Literal["thought", "answer"]
    tokens: int = 0
    """It brings none."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One complete call of a tool."""

    id: str
    name: str
    arguments: str
    """A JSON object as text, as OpenAI's API has it."""


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A piece of a call while it is generated; the complete :class:`ToolCall` follows at its end.

    The first part of a call has its name and no arguments, the later ones only arguments.
    """

    id: str
    name: str
    arguments: str
    """A piece of the arguments' JSON text."""
    tokens: int = 0
    """Tokens generated since the last event."""


@dataclass(frozen=True, slots=True)
class PromptLogprobs:
    """How probable the model found the prompt's own tokens."""

    logprobs: tuple[TokenLogprob | None, ...]
    """One per token; the first token follows nothing and has none."""


@dataclass(frozen=True, slots=True)
class ContextChanged:
    """The context was made anew, with another size or rope scaling."""

    context: int
    """Tokens."""
    factor: float
    """Of YaRN; 1 for none."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    completion_tokens: int = 0
    """All generated tokens, the thought and the end-of-turn token included."""

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations in seconds and rates in tokens per second; 0 where nothing was measured."""

    load_s: float = 0.0
    """Loading the model."""
    first_token_s: float = 0.0
    """From the request to the first generated token."""
    prompt_tps: float = 0.0
    generate_tps: float = 0.0


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a generation; always the last event."""

    reason: FinishReason
    usage: Usage
    timings: Timings
    sampling: dict[str, Any] = field(default_factory=dict)
    """What was sampled with, under OpenAI's and llama-server's names, the seed included."""
    thought: ThoughtEnd = "none"


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
