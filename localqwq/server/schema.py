"""What a chat completion request may say, checked before anything is done with it."""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator

from localqwq.engine.request import MAX_TOP_LOGPROBS, GenerationRequest
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.budget import EFFORTS, HANDOVER
from localqwq.reasoning.messages import Message, Tool
from localqwq.server.body import parse_body
from localqwq.server.errors import InvalidRequestError as InvalidRequestError
from localqwq.server.fields import (
    Biases,
    Part,
    SamplingFields,
    Stops,
    ThoughtBudget,
    TokenLimit,
)

_ROLES = {"developer": "system"}
"""OpenAI's newer name for a role that chat templates know by the older one."""


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


FunctionTool = Annotated[Tool, AfterValidator(_function_tool)]
Text = Annotated[str, BeforeValidator(_text)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class FunctionCallPart(Part):
    """The function of a tool call."""

    name: str
    arguments: str


class ToolCallPart(Part):
    """A tool call that the model made earlier."""

    id: str = ""
    type: Literal["function"] = "function"
    function: FunctionCallPart


class ChatMessage(Part):
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


class StreamOptions(Part):
    """What a stream tells besides the answer."""

    include_usage: bool | None = None


class ChatRequest(SamplingFields):
    """The body of ``POST /v1/chat/completions``; fields that are not here are ignored."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    logit_bias: Biases = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    stop: Stops = None
    max_tokens: TokenLimit = None
    max_completion_tokens: TokenLimit = None
    ignore_eos: bool | None = None
    reasoning_effort: Effort | None = None
    reasoning_budget: ThoughtBudget | None = Field(
        None,
        validation_alias=AliasChoices(
            "reasoning_budget", "reasoning_budget_tokens", "thinking_budget_tokens"
        ),
    )
    reasoning_budget_message: Annotated[str, Field(max_length=2000)] | None = None
    loop_detection: bool | None = None
    cache_prompt: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    return_progress: bool | None = None
    n: Literal[1] | None = None

    @model_validator(mode="after")
    def _top_needs_logprobs(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs goes with logprobs: true")
        return self

    @property
    def limit(self) -> int | None:
        """Tokens the answer may have, the thought included; ``None`` for what the context holds."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def thought_limit(self) -> int | None:
        """Tokens the thought may have; ``None`` for as many as it takes."""
        if self.reasoning_budget is not None:
            return None if self.reasoning_budget < 0 else self.reasoning_budget
        return None if self.reasoning_effort is None else EFFORTS[self.reasoning_effort]

    def generation(self, default: Sampling) -> GenerationRequest:
        """What the engine is asked for; ``default`` is the model's own sampling."""
        message = self.reasoning_budget_message
        return GenerationRequest(
            messages=self.template_messages(),
            tools=self.template_tools(),
            sampling=self.sampling(default),
            max_tokens=self.limit,
            stop=self.stop or (),
            logit_bias=self.logit_bias or {},
            ignore_eos=self.ignore_eos is True,
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
            reasoning_budget=self.thought_limit,
            handover=HANDOVER if message is None else message,
            loop_detection=self.loop_detection is not False,
            cache_prompt=self.cache_prompt is not False,
        )

    def template_messages(self) -> list[Message]:
        """The conversation as templates read it."""
        return [message.to_message() for message in self.messages]

    def template_tools(self) -> list[Tool]:
        """The tools on offer."""
        return [] if self.tool_choice == "none" else self.tools or []


def parse_request(body: bytes) -> ChatRequest:
    """The request in a JSON ``body``; raises ``InvalidRequestError`` with one clear sentence."""
    return parse_body(ChatRequest, body)
