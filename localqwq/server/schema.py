"""What a chat completion request may say, checked before anything is done with it."""

from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.messages import Message, Tool

_ROLES = {"developer": "system"}
"""OpenAI's newer name for a role that chat templates know by the older one."""


class InvalidRequestError(ValueError):
    """A request that cannot be served; says which field and why."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        """The path of the field, such as ``messages.0.role``."""
        self.code = code
        """OpenAI's name for what is wrong, where it has one."""


def _text(value: Any) -> Any:
    """Message content as text: a string, a list of text parts, or null."""
    if value is None:
        return ""
    if not isinstance(value, list):
        return value
    texts = [
        part["text"]
        for part in value
        if isinstance(part, dict)
        and part.get("type") == "text"
        and isinstance(part.get("text"), str)
    ]
    if len(texts) < len(value):
        raise ValueError("must be text or a list of text parts: this model reads nothing else")
    return "".join(texts)


def _function_tool(tool: Tool) -> Tool:
    """The tool as it is: templates print it with its fields in the order of the request."""
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict):
        raise ValueError('must be {"type": "function", "function": {…}}')
    if not isinstance(function.get("name"), str):
        raise ValueError("must have a function with a name")
    return tool


def _unlimited(value: Any) -> Any:
    """-1, which llama.cpp's tools take for "no limit" and "random", as absence."""
    return None if value == -1 else value


FunctionTool = Annotated[Tool, AfterValidator(_function_tool)]
Text = Annotated[str, BeforeValidator(_text)]
Probability = Annotated[float, Field(ge=0, le=1)]
TokenLimit = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_unlimited)]
Seed = Annotated[Annotated[int, Field(ge=0, lt=2**32 - 1)] | None, BeforeValidator(_unlimited)]


class _Part(BaseModel):
    """Unknown fields are ignored; a string is no number and a number is no truth value."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class FunctionCallPart(_Part):
    """The function of a tool call."""

    name: str
    arguments: str


class ToolCallPart(_Part):
    """A tool call that the model made earlier."""

    id: str = ""
    type: Literal["function"] = "function"
    function: FunctionCallPart


class ChatMessage(_Part):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text = ""
    reasoning_content: str | None = None
    tool_calls: list[ToolCallPart] | None = None
    tool_call_id: str | None = None

    def to_message(self) -> Message:
        """The message as templates read it."""
        fields = self.model_dump(exclude_none=True)
        fields["role"] = _ROLES.get(self.role, self.role)
        return cast(Message, fields)


class StreamOptions(_Part):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None


class ChatRequest(_Part):
    """The body of ``POST /v1/chat/completions``; fields that are not here are ignored."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Probability | None = None
    top_k: Annotated[int, Field(ge=-1, lt=2**31)] | None = None
    min_p: Probability | None = None
    repeat_penalty: Annotated[float, Field(gt=0)] | None = None
    seed: Seed = None
    max_tokens: TokenLimit = None
    max_completion_tokens: TokenLimit = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    return_progress: bool | None = None
    n: Literal[1] | None = None

    @property
    def limit(self) -> int | None:
        """Tokens the answer may have, the thought included; ``None`` for what the context holds."""
        return self.max_completion_tokens or self.max_tokens

    def sampling(self, default: Sampling) -> Sampling:
        """The request's values where given, the model's own elsewhere."""
        names = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed")
        return default.override({name: getattr(self, name) for name in names})

    def template_messages(self) -> list[Message]:
        """The conversation as templates read it."""
        return [message.to_message() for message in self.messages]

    def template_tools(self) -> list[Tool]:
        """The tools on offer."""
        return [] if self.tool_choice == "none" else self.tools or []


def parse_request(body: bytes) -> ChatRequest:
    """The request in a JSON ``body``; raises ``InvalidRequestError`` with one clear sentence."""
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    if problem["type"] == "json_invalid":
        raise InvalidRequestError(f"The body is no valid JSON: {problem['ctx']['error']}.")
    if problem["type"] == "missing":
        problem["msg"] = "it is missing"
    param = ".".join(str(step) for step in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not param:
        raise InvalidRequestError(f"The request is wrong: {message}.")
    raise InvalidRequestError(f"The field {param!r} is wrong: {message}.", param)
