"""The bodies of Ollama's API, checked before anything is done with them."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from localqwq.engine.request import MAX_TOP_LOGPROBS
from localqwq.server.http.fields import Part, SamplingFields, Stops
from localqwq.server.http.messages import Text
from localqwq.server.http.schema import Effort

Json = dict[str, Any]
Object = Annotated[Json, WithJsonSchema({"type": "object"})]


def _format(value: Any) -> Any:
    """Return the form of the answer unchanged."""
    if value not in (None, "", "json") and not isinstance(value, dict):
        raise ValueError('must be "json" or a JSON schema, which is an object')
    return value


Format = Annotated[
    Any,
    AfterValidator(_format),
    WithJsonSchema({"anyOf": [{"enum": ["", "json", None]}, {"type": "object"}]}),
]


class OllamaOptions(SamplingFields):
    """Sampling, and what else Ollama has among its options."""

    model_config = ConfigDict(extra="allow")

    num_ctx: Annotated[int, Field(ge=1)] | None = None
    """The context that the request needs. The context here grows by itself; more than it can grow
    to is refused.
    """
    num_predict: Annotated[int, Field(ge=-2)] | None = None
    """Maximum tokens to generate, including the thought. -1, -2, 0 or absent: until the context is
    full.
    """
    stop: Stops = None
    """One string or several; the answer ends before the first of them."""

    @property
    def limit(self) -> int | None:
        """Return the maximum tokens to generate; None for what the context holds."""
        return self.num_predict if self.num_predict and self.num_predict > 0 else None


class OllamaFunction(Part):
    """A called function."""

    name: str
    arguments: Object | None = None


class OllamaCall(Part):
    """A tool call that the model made earlier."""

    id: str | None = None
    function: OllamaFunction


class OllamaMessage(Part):
    """One message of the conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text = ""
    thinking: str | None = None
    """The thought behind an assistant's message."""
    tool_calls: list[OllamaCall] | None = None
    """The tool calls in an assistant's message."""
    tool_call_id: str | None = None
    """The call that a tool's message is the result of. Without it, the results belong to the calls
    in their order, or by `tool_name`.
    """
    tool_name: str | None = None
    """The tool that a tool's message is the result of."""
    images: list[str] | None = None
    """Must be empty: this model reads text."""


class OllamaFields(Part):
    """What chats and single prompts have in common."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    """The model's name."""
    stream: bool | None = None
    """Send the answer line by line while it is generated (default: true)."""
    think: bool | Effort | None = None
    """Whether the model thinks, or an effort; see `reasoning_effort` of chat completions."""
    format: Format | None = None
    """Constrains the answer, but not the thought: `json`, or a JSON schema."""
    options: OllamaOptions | None = None
    """Sampling, and the length of the answer."""
    keep_alive: float | str | None = None
    """How long the model stays in memory afterwards: seconds, or text such as `10m`; 0: not at all,
    -1: for ever.
    """
    logprobs: bool | None = None
    """Return the log probability of each token."""
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    """The number of alternatives to return for each token; needs `logprobs`."""


class OllamaChat(OllamaFields):
    """The body of ``POST /api/chat``."""

    messages: list[OllamaMessage] | None = None
    """The conversation so far. Without any, the model is only loaded, or unloaded if `keep_alive`
    is 0.
    """
    tools: list[Object] | None = None
    """The functions that the model may call, as in chat completions."""

    kind: ClassVar[Literal["chat", "generate"]] = "chat"

    @property
    def asks(self) -> bool:
        """Return whether there is anything to answer."""
        return bool(self.messages)


class OllamaGenerate(OllamaFields):
    """The body of ``POST /api/generate``."""

    prompt: str | None = None
    """The user's message. Without it, the model is only loaded, or unloaded if `keep_alive` is
    0.
    """
    system: str | None = None
    """The system prompt."""
    raw: bool | None = None
    """Continue the prompt as it is, without a chat template."""
    suffix: Literal[""] | None = None
    """Must be empty: models without fill-in-the-middle cannot complete towards a suffix."""
    template: Literal[""] | None = None
    """Must be empty: start the server with `--chat-template`, or use `raw`."""
    context: Annotated[list[int], Field(max_length=0)] | None = None
    """Must be empty: send the conversation to `/api/chat`."""
    images: Annotated[list[str], Field(max_length=0)] | None = None
    """Must be empty: this model reads text."""

    kind: ClassVar[Literal["chat", "generate"]] = "generate"

    @property
    def asks(self) -> bool:
        """Return whether there is anything to answer."""
        return bool(self.prompt)


class OllamaNamed(Part):
    """The body of requests about a model."""

    model: str | None = None
    """The model's name."""
    name: str | None = None
    """An older name of `model`."""
    stream: bool | None = None
    """Of a pull: report the progress line by line (default: true)."""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if not self.wanted:
            raise ValueError("a model is needed, by its name")
        return self

    @property
    def wanted(self) -> str:
        """Return the name of the model, without what stands for none of its versions."""
        return (self.model or self.name or "").removesuffix(":latest")


class OllamaCopy(Part):
    """The body of ``POST /api/copy``."""

    source: Annotated[str, Field(min_length=1)]
    """The model's name."""
    destination: Annotated[str, Field(min_length=1)]
    """Its additional name."""
