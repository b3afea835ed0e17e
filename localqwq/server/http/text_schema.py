"""The text completion request, checked before anything is done with it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from localqwq.engine.request import MAX_TOP_LOGPROBS, GenerationRequest
from localqwq.gguf.sampling import Sampling
from localqwq.server.http.answer_form import FormFields
from localqwq.server.http.fields import Biases, Choices, Part, Stops

MAX_PROMPTS = 256
"""Maximum per request."""
_DEFAULT_MAX_TOKENS = 16
"""OpenAI's default."""


def listed_prompts(value: Any, most: int) -> Any:
    """Return one prompt or several, at most ``most``, each a text or a list of token ids, as a
    list.
    """
    wanted = "must be a text, a list of texts, a list of token ids, or a list of such lists"
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise ValueError(wanted)
    if not value:
        raise ValueError("must not be empty")
    prompts = [value] if _is_tokens(value) else value
    if len(prompts) > most:
        raise ValueError(f"must be at most {most} texts")
    if not all(isinstance(prompt, str) or _is_tokens(prompt) for prompt in prompts):
        raise ValueError(wanted)
    return prompts


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and all(type(token) is int for token in value)


TokenIds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
_Prompt = Annotated[str, Field(min_length=1)]
Prompts = Annotated[
    list[str | list[int]],
    BeforeValidator(
        lambda value: listed_prompts(value, MAX_PROMPTS),
        json_schema_input_type=_Prompt
        | TokenIds
        | Annotated[list[_Prompt | TokenIds], Field(min_length=1, max_length=MAX_PROMPTS)],
    ),
]


class TextStreamOptions(Part):
    """Additional content of a stream."""

    include_usage: bool | None = None
    """End the stream with a chunk that has the token counts and no choices."""


class TextRequest(FormFields):
    """The body of ``POST /v1/completions``; see :mod:`other_fields` for further fields."""

    model_config = ConfigDict(extra="allow")

    prompt: Prompts
    """One prompt or several, each a text or a list of token ids. No chat template is applied."""
    max_tokens: Annotated[int, Field(ge=-1)] | None = None
    """Maximum tokens to generate (default: 16). -1: until the context is full."""
    n_predict: Annotated[int, Field(ge=-1)] | None = None
    """llama-server's name for `max_tokens`, which takes precedence."""
    echo: bool | None = None
    """Return the prompt before the completion."""
    logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    """The number of alternatives whose log probabilities to return for each token."""
    n_probs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    """llama-server's name for `logprobs`; 0: none."""
    stop: Stops = None
    """One string or several; the completion ends before the first of them."""
    logit_bias: Biases = None
    """Values to add to the logits of tokens, by token id; false bans a token. An object, or a list
    of pairs.
    """
    ignore_eos: bool | None = None
    """Continue past the end-of-text token, up to `max_tokens`."""
    loop_detection: bool | None = None
    """Detect repetition loops and end them (default: true)."""
    cache_prompt: bool | None = None
    """Reuse the KV cache of earlier requests, and keep this one's (default: true)."""
    rope: Literal["auto", "off"] | None = None
    """`auto`: enlarge the context with YaRN if the text outgrows it; `off`: reject it instead."""
    stream: bool | None = None
    """Send the completion as server-sent events while it is generated."""
    stream_options: TextStreamOptions | None = None
    """What to include in the stream."""
    n: Choices = None
    """The number of completions per prompt, each of which counts as a separate request. With a
    `seed`, each has the next one.
    """
    best_of: Choices = None
    """Must equal `n`: all completions are returned."""
    suffix: Literal[""] | None = None
    """Must be empty: models without fill-in-the-middle cannot complete towards a suffix."""

    @field_validator("n")
    @classmethod
    def _not_too_many(cls, count: int | None, info: ValidationInfo) -> int | None:
        if len(info.data.get("prompt", ())) * (count or 1) > MAX_PROMPTS:
            raise ValueError(f"makes more than {MAX_PROMPTS} completions with these prompts")
        return count

    @field_validator("best_of")
    @classmethod
    def _none_is_left_out(cls, best_of: int | None, info: ValidationInfo) -> int | None:
        if "n" in info.data and best_of not in (None, info.data["n"] or 1):
            raise ValueError("must equal n: all completions are returned")
        return best_of

    @model_validator(mode="after")
    def _something_is_wanted(self) -> Self:
        if self.limit == 0 and not self.echo:
            raise ValueError("max_tokens: 0 requires echo: true")
        return self

    @property
    def limit(self) -> int | None:
        """Return the maximum tokens; ``None`` for what the context holds."""
        given = self.n_predict if self.max_tokens is None else self.max_tokens
        if given is None:
            return _DEFAULT_MAX_TOKENS
        return None if given < 0 else given

    @property
    def alternatives(self) -> int | None:
        """Return the number of alternatives per token; ``None`` without log probabilities."""
        return (self.n_probs or None) if self.logprobs is None else self.logprobs

    @property
    def scores_prompt(self) -> bool:
        """Whether the log probabilities of the prompt's tokens are requested as well."""
        return self.echo is True and self.alternatives is not None

    def generation(self, prompt: Sequence[int], default: Sampling) -> GenerationRequest:
        """Return the engine's request for one prompt; ``default`` is the model's sampling."""
        return GenerationRequest(
            prompt=prompt,
            sampling=self.sampling(default),
            max_tokens=self.limit,
            stop=self.stop or (),
            logit_bias=self.logit_bias or {},
            ignore_eos=self.ignore_eos is True,
            top_logprobs=self.alternatives,
            response_format=self.form,
            score_prompt=self.scores_prompt,
            loop_detection=self.loop_detection is not False,
            rope=self.rope or "auto",
            cache_prompt=self.cache_prompt is not False,
        )
