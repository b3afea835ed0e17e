"""The body of ``POST /v1/messages``, checked before anything is done with it."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from localqwq.server.http.fields import Part, SamplingFields, Stops, ThoughtBudget, TokenLimit

Json = dict[str, Any]
Object = Annotated[Json, WithJsonSchema({"type": "object"})]


def _blocks(value: Any) -> Any:
    """Return content as blocks: text is one of them, and null is none."""
    if value is None:
        return []
    if not isinstance(value, str | list):
        raise ValueError("must be a text or a list of blocks")
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


class ContentBlock(Part):
    """A part of a message, of the system prompt or of a tool's result."""

    type: str
    """`text`, `thinking`, `tool_use`, `tool_result`, `search_result`, or `document` with text."""
    text: str | None = None
    """The text, of `text`."""
    thinking: str | None = None
    """The thought, of `thinking`."""
    signature: str | None = None
    """This server's signature of the thought; thoughts of other models are left out."""
    id: str | None = None
    """The call's id, of `tool_use`."""
    name: str | None = None
    """The tool's name, of `tool_use`."""
    input: Object | None = None
    """The call's arguments, of `tool_use`."""
    tool_use_id: str | None = None
    """The call's id, of `tool_result`."""
    content: "Content | None" = None
    """The text of `tool_result` and `search_result`, or blocks of text."""
    title: str | None = None
    """Of `document` and `search_result`."""
    source: Object | str | None = None
    """Of `document` and `search_result`."""
    tool_name: str | None = None
    """Of `tool_reference`."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed = {
            "text": ("text",),
            "thinking": ("thinking",),
            "tool_use": ("id", "name", "input"),
            "tool_result": ("tool_use_id",),
        }
        for name in needed.get(self.type, ()):
            if getattr(self, name) is None:
                raise ValueError(f"a block of the type {self.type} needs {name!r}")
        return self


Content = Annotated[
    list[ContentBlock],
    BeforeValidator(_blocks, json_schema_input_type=str | list[ContentBlock] | None),
]
ContentBlock.model_rebuild()


class AnthropicMessage(Part):
    """One message of the conversation."""

    role: Literal["user", "assistant", "system"]
    content: Content
    """The text, or a list of blocks."""


class AnthropicTool(Part):
    """A tool that the model may call; those that Anthropic runs or defines are left out."""

    type: str | None = None
    """`custom`, or absent."""
    name: str | None = None
    description: str | None = None
    input_schema: Object | None = None
    """A JSON schema of the arguments."""
    strict: bool | None = None

    @property
    def is_hosted(self) -> bool:
        """Return whether the tool has no description of its own, so that only Anthropic's models
        know it.
        """
        return self.type not in (None, "custom")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.is_hosted and (self.name is None or self.input_schema is None):
            raise ValueError("a tool needs a name and an input_schema")
        return self


class AnthropicChoice(Part):
    """Whether tools may or must be called."""

    type: Literal["auto", "any", "tool", "none"]
    """`any`: one must be called; `tool`: the named one must be."""
    name: str | None = None
    disable_parallel_tool_use: bool | None = None
    """True: at most one call in an answer."""


class AnthropicThinking(Part):
    """Whether and how much the model thinks; absent, the model decides."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: ThoughtBudget | None = None
    """Maximum tokens of thought."""
    display: Literal["summarized", "omitted"] | None = None
    """`omitted`: the thought is returned only within its signature."""


class AnthropicFormat(Part):
    """The form of the answer."""

    type: Literal["json_schema"]
    schema_: Object = Field(alias="schema")


class OutputConfig(Part):
    """How much effort the answer is worth, and its form."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    """The thought's budget as a word; see `reasoning_effort` of chat completions."""
    format: AnthropicFormat | None = None
    """A JSON schema for the answer, but not for the thought."""


class MessagesRequest(SamplingFields):
    """The body of ``POST /v1/messages`` and ``POST /v1/messages/count_tokens``."""

    model_config = ConfigDict(extra="allow")

    messages: Annotated[list[AnthropicMessage], Field(min_length=1)]
    """The conversation so far. A final message of the assistant is continued."""
    system: Content = Field(default_factory=list)
    """The system prompt. A line with Claude Code's billing header is left out: it changes with each
    request.
    """
    max_tokens: TokenLimit = None
    """Maximum tokens to generate, including the thought; absent: until the context is full."""
    stop_sequences: Stops = None
    """The answer ends before the first of these strings."""
    stream: bool | None = None
    """Return server-sent events as they are generated."""
    thinking: AnthropicThinking | None = None
    """Whether and how much the model thinks; absent, the model decides."""
    tools: list[AnthropicTool] | None = None
    """The tools that the model may call."""
    tool_choice: AnthropicChoice | None = None
    """Whether tools may or must be called (default: `auto`)."""
    output_config: OutputConfig | None = None
    """The answer's form, and the effort for it."""
    output_format: AnthropicFormat | None = None
    """An older name of `output_config.format`."""

    @property
    def form(self) -> AnthropicFormat | None:
        """Return the form of the answer."""
        return (self.output_config and self.output_config.format) or self.output_format

    @property
    def hosted_tools(self) -> list[str]:
        """Return the names of tools that only Anthropic has."""
        return [tool.name or tool.type or "" for tool in self.tools or () if tool.is_hosted]

    @property
    def hides_thoughts(self) -> bool:
        """Return whether thoughts are returned only within their signatures."""
        return self.thinking is not None and self.thinking.display == "omitted"
