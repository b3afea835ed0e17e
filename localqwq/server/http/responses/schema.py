"""The body of ``POST /v1/responses``, checked before anything is done with it."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from localqwq.server.http.fields import Part, SamplingFields, TokenLimit
from localqwq.server.http.schema import Effort

Json = dict[str, Any]
Object = Annotated[Json, WithJsonSchema({"type": "object"})]
FUNCTION_KINDS = ("function", "custom")
"""Tools that the client runs; the others run at OpenAI, or only its models know them."""
_NEEDED = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "custom_tool_call": ("call_id", "name", "input"),
    "custom_tool_call_output": ("call_id", "output"),
}


def _input(value: Any) -> Any:
    """Return the input as items: text is a user's message."""
    if not isinstance(value, str | list):
        raise ValueError("must be a text or a list of items")
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


def _parts(value: Any) -> Any:
    """Return content as parts: text is one of them."""
    if not isinstance(value, str | list):
        raise ValueError("must be a text or a list of parts")
    return [{"type": "input_text", "text": value}] if isinstance(value, str) else value


def whole_name(namespace: str | None, name: str | None) -> str:
    """Return the name by which the model knows a tool."""
    return f"{namespace}__{name}" if namespace else name or ""


class ContentPart(Part):
    """A part of a message, of a thought or of a tool's output."""

    type: str
    """`input_text`, `output_text`, `text`, `reasoning_text`, `summary_text` or `refusal`."""
    text: str | None = None
    refusal: str | None = None


Parts = Annotated[
    list[ContentPart],
    BeforeValidator(_parts, json_schema_input_type=str | list[ContentPart]),
]


class InputItem(Part):
    """A message, a thought, a call or its output."""

    type: str = "message"
    """`message`, `reasoning`, `function_call`, `function_call_output`, `custom_tool_call` or
    `custom_tool_call_output`, or `item_reference`. Items of tools that run at OpenAI are left out.
    """
    id: str | None = None
    """Of an `item_reference`: the id of the stored item."""
    role: Literal["user", "assistant", "system", "developer"] | None = None
    """Who speaks, in a `message`."""
    content: Parts | None = None
    """The text of a `message`, or the thought of `reasoning`."""
    encrypted_content: str | None = None
    """The thought of `reasoning` without `content`, as this server returned it."""
    call_id: str | None = None
    """The call, and the one that an output belongs to."""
    name: str | None = None
    """The called function."""
    namespace: str | None = None
    """The namespace of the called function, if it is in one."""
    arguments: str | None = None
    """A `function_call`'s arguments, as JSON text."""
    input: str | None = None
    """A `custom_tool_call`'s text."""
    output: Parts | None = None
    """What the tool returned."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for name in _NEEDED.get(self.type, ()):
            if getattr(self, name) is None:
                raise ValueError(f"an item of the type {self.type} needs {name!r}")
        return self


class ResponsesTool(Part):
    """A tool that the model may call; those that run at OpenAI are left out."""

    type: str
    """`function`, `custom` for one that takes text, or `namespace` for several of these."""
    name: str | None = None
    description: str | None = None
    parameters: Object | None = None
    """A JSON schema of a function's arguments."""
    strict: bool | None = None
    tools: "list[ResponsesTool] | None" = None
    """The tools in a `namespace`; the model knows them as `NAMESPACE__NAME`."""

    @property
    def is_hosted(self) -> bool:
        """Return whether the client cannot run it."""
        return self.type not in (*FUNCTION_KINDS, "namespace")

    @property
    def members(self) -> "list[ResponsesTool]":
        """Return the tools that it stands for, by their whole names."""
        if self.type != "namespace":
            return [] if self.is_hosted else [self]
        return [
            tool.model_copy(update={"name": whole_name(self.name, tool.name)})
            for tool in self.tools or ()
            if tool.type in FUNCTION_KINDS
        ]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.is_hosted and self.name is None:
            raise ValueError(f"a tool of the type {self.type} needs 'name'")
        return self


class NamedChoice(Part):
    """The tool that must be called."""

    type: str
    name: str | None = None


class ReasoningFields(Part):
    """How much the model thinks."""

    effort: Effort | None = None
    """The thought's budget as a word; see `reasoning_effort` of chat completions."""


class TextFormat(Part):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema_: Object | None = Field(default=None, alias="schema")
    strict: bool | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.type == "json_schema" and self.schema_ is None:
            raise ValueError("a json_schema needs 'schema'")
        return self


class TextFields(Part):
    """What the answer looks like."""

    format: TextFormat | None = None
    """Constrains the answer, but not the thought, to JSON or to a JSON schema."""


class ResponsesRequest(SamplingFields):
    """The body of ``POST /v1/responses`` and ``POST /v1/responses/input_tokens``."""

    model_config = ConfigDict(extra="allow")

    input: Annotated[
        list[InputItem],
        Field(min_length=1),
        BeforeValidator(_input, json_schema_input_type=str | list[InputItem]),
    ]
    """The conversation so far, or a user's message."""
    instructions: str | None = None
    """The system prompt."""
    max_output_tokens: TokenLimit = None
    """Maximum tokens to generate, including the thought; absent: until the context is full."""
    stream: bool | None = None
    """Return server-sent events as they are generated."""
    reasoning: ReasoningFields | None = None
    """How much the model thinks."""
    text: TextFields | None = None
    """The form of the answer."""
    tools: list[ResponsesTool] | None = None
    """The tools that the model may call."""
    tool_choice: Literal["auto", "none", "required"] | NamedChoice | None = None
    """Whether tools may be called (`auto`), must be (`required`), must not be (`none`), or which
    one must be.
    """
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several tool calls (default: true)."""
    include: list[str] | None = None
    """`reasoning.encrypted_content` returns thoughts in that form as well."""
    truncation: Literal["auto", "disabled"] | None = None
    """Nothing is ever cut off: a conversation that does not fit is refused."""
    previous_response_id: str | None = None
    """The stored response that this one continues; its conversation comes before `input`."""
    store: bool | None = None
    """False: do not store the response (default: true, unless the server stores none)."""
    background: bool | None = None
    """Return at once, and generate the response afterwards; it must be stored."""
    metadata: Object | None = None
    """Returned as it is."""

    @property
    def hosted_tools(self) -> list[str]:
        """Return the types of tools that run at OpenAI."""
        return [tool.type for tool in self.tools or () if tool.is_hosted]

    @property
    def own_tools(self) -> list[ResponsesTool]:
        """Return the tools that the client runs, by the names that the model knows."""
        return [member for tool in self.tools or () for member in tool.members]

    @property
    def custom_tools(self) -> frozenset[str]:
        """Return the names of tools that take text instead of arguments."""
        return frozenset(tool.name or "" for tool in self.own_tools if tool.type == "custom")

    @property
    def namespaces(self) -> dict[str, str]:
        """Return the namespaces of tools that are in one, by the names that the model knows."""
        spaces = [tool for tool in self.tools or () if tool.type == "namespace"]
        return {member.name or "": space.name or "" for space in spaces for member in space.members}
