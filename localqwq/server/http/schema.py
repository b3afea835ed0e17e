"""The chat completion request, checked before anything is done with it."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from localqwq.engine.request import MAX_TOP_LOGPROBS, GenerationRequest
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.budget import EFFORTS, HANDOVER
from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.thinking_switch import asked_in_text
from localqwq.server.http.answer_form import FormFields
from localqwq.server.http.fields import (
    Biases,
    Choices,
    Part,
    Stops,
    ThoughtBudget,
    TokenLimit,
)
from localqwq.server.http.messages import ChatMessage
from localqwq.server.http.thought_format import ThoughtFormat

_CHOICES = ("auto", "none", "required")
_STRICT = {"type": ["boolean", "null"]}
_TOOL_DESCRIBED = {
    "type": "object",
    "properties": {
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "parameters": {"type": ["object", "null"]},
                "strict": _STRICT,
            },
            "required": ["name"],
        },
    },
    "required": ["type", "function"],
}


def _function_tool(tool: Tool) -> Tool:
    """Return the tool unchanged: templates print it with its fields in the request's order."""
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict):
        raise ValueError('must be {"type": "function", "function": {…}}')
    if not isinstance(function.get("name"), str):
        raise ValueError("must have a function with a name")
    if not isinstance(function.get("parameters", {}), dict | None):
        raise ValueError("must have a JSON schema, which is an object, for its parameters")
    if not isinstance(function.get("strict", False), bool | None):
        raise ValueError("must have true or false for strict")
    return tool


def _choice(value: Any) -> Any:
    """Return the choice of a tool as a word or as the tool's name."""
    if value is None or value in _CHOICES:
        return value
    name = None
    if isinstance(value, dict) and isinstance(function := value.get("function"), dict):
        name = function.get("name")
    if not isinstance(name, str) or value.get("type") != "function":
        raise ValueError(
            'must be "auto", "none", "required", or {"type": "function", "function": {"name": …}}'
        )
    if name in _CHOICES:
        raise ValueError(f"cannot be a function named {name!r}: the word means something else")
    return name


class FunctionName(Part):
    """The function of a :class:`NamedTool`."""

    name: str


class NamedTool(Part):
    """The tool that must be called."""

    type: Literal["function"]
    function: FunctionName


FunctionTool = Annotated[Tool, AfterValidator(_function_tool), WithJsonSchema(_TOOL_DESCRIBED)]
ToolChoice = Annotated[
    str | None,
    BeforeValidator(
        _choice, json_schema_input_type=Literal["auto", "none", "required"] | NamedTool | None
    ),
]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ReasoningOptions(Part):
    """How much the model thinks, as in OpenAI's Responses API and OpenRouter."""

    effort: Effort | None = None
    """Like `reasoning_effort`."""
    enabled: bool | None = None
    """Like `enable_thinking`."""
    max_tokens: ThoughtBudget | None = None
    """Like `reasoning_budget`."""
    exclude: bool | None = None
    """True: the thought is not returned. Like `include_reasoning: false`."""


class ThinkingOptions(Part):
    """Whether and how much the model thinks, in the form of DeepSeek, GLM and Anthropic."""

    type: Literal["enabled", "disabled", "adaptive", "auto"]
    """`enabled` or `disabled`, like `enable_thinking`; `adaptive` and `auto` leave the choice
    open.
    """
    budget_tokens: ThoughtBudget | None = None
    """Like `reasoning_budget`."""

    @property
    def wanted(self) -> bool | None:
        """Return whether the model should think; None leaves that to the model."""
        return {"enabled": True, "disabled": False}.get(self.type)


class StreamOptions(Part):
    """Additional content of a stream."""

    include_usage: bool | None = None
    """End the stream with a chunk that has the token counts and no choices."""


class ChatRequest(FormFields):
    """The body of ``POST /v1/chat/completions``; see :mod:`other_fields` for further fields."""

    model_config = ConfigDict(extra="allow")

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    """The conversation so far."""
    continue_final_message: bool | None = None
    """Continue the final assistant message instead of starting a new one."""
    tools: list[FunctionTool] | None = None
    """The functions that the model may call."""
    tool_choice: ToolChoice = None
    """Whether tools may be called (`auto`), must be (`required`), must not be (`none`), or which
    one must be."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several tool calls (default: true)."""
    logit_bias: Biases = None
    """Values to add to the logits of tokens, by token id; false bans a token. An object, or a list
    of pairs.
    """
    logprobs: bool | None = None
    """Return the log probability of each token."""
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    """The number of alternatives to return for each token; needs `logprobs`."""
    n_probs: Annotated[int, Field(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    """llama-server's name for `logprobs` with this many `top_logprobs`; 0: none."""
    stop: Stops = None
    """One string or several; the answer ends before the first of them."""
    max_tokens: TokenLimit = None
    """Maximum tokens to generate, including the thought. -1 or absent: until the context is
    full.
    """
    max_completion_tokens: TokenLimit = None
    """OpenAI's newer name for `max_tokens`; wins if both are given."""
    n_predict: TokenLimit = None
    """llama-server's name for `max_tokens`, which takes precedence."""
    ignore_eos: bool | None = None
    """Continue past the end-of-turn token, up to `max_tokens`."""
    reasoning_effort: Effort | None = None
    """The thought's budget as a word: `none` 0, `minimal` 256, `low` 1,024 and `medium` 4,096
    tokens; `high`, `xhigh` and `max` set no limit."""
    reasoning_budget: ThoughtBudget | None = Field(
        None,
        validation_alias=AliasChoices(
            "reasoning_budget", "reasoning_budget_tokens", "thinking_budget_tokens"
        ),
    )
    """Maximum tokens of thought; -1: no limit. When it is used up, the thought ends at the end of
    a sentence and the answer begins. Takes precedence over `reasoning_effort`. Also
    `reasoning_budget_tokens` and `thinking_budget_tokens`.
    """
    reasoning: ReasoningOptions | None = None
    """The effort and the budget, as in OpenAI's Responses API and OpenRouter."""
    enable_thinking: bool | None = None
    """Whether the model thinks, under Qwen's name. It is passed to chat templates that support it;
    otherwise, false sets the thought's budget to 0.
    """
    thinking_options: ThinkingOptions | None = Field(default=None, alias="thinking")
    """The same in the form of DeepSeek, GLM and Anthropic."""
    think: bool | Effort | None = None
    """The same under Ollama's name, or an effort."""
    include_reasoning: bool | None = None
    """False: the thought is not returned."""
    reasoning_format: Literal["auto", "deepseek", "parsed", "none", "raw", "hidden"] | None = None
    """Where the thought is returned: as `reasoning_content` (`auto`, `deepseek`, `parsed`: the
    default), within `content` in `<think>` tags (`none`, `raw`), or not at all (`hidden`).
    """
    chat_template_kwargs: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})] | None = (
        None
    )
    """Variables for the chat template, by its own names, such as `enable_thinking`."""
    reasoning_budget_message: Annotated[str, Field(max_length=2000)] | None = None
    """The words that end a thought that is out of budget, as if the model had said them."""
    loop_detection: bool | None = None
    """Detect repetition loops and end them (default: true)."""
    cache_prompt: bool | None = None
    """Reuse the KV cache of earlier requests, and keep this one's (default: true)."""
    cache_on_disk: bool | None = None
    """Whether the KV cache of this request may be written to disk (default: true)."""
    rope: Literal["auto", "off"] | None = None
    """`auto`: enlarge the context with YaRN if the conversation outgrows it; `off`: reject it
    instead.
    """
    stream: bool | None = None
    """Send the answer as server-sent events while it is generated."""
    stream_options: StreamOptions | None = None
    """What to include in the stream."""
    stream_interval: Annotated[float, Field(ge=0, le=1)] | None = None
    """Tokens that arrive within this many seconds may share a chunk of the stream."""
    return_progress: bool | None = None
    """Report the progress of prompt processing in the stream."""
    n: Choices = None
    """The number of answers, each of which counts as a separate request. With a `seed`, each has
    the next one.
    """
    vote: bool | None = None
    """Return only the answer that most of the `n` agree on, compared by their results: `\\boxed{}`,
    choices, numbers, else text. `vote` beside it says how many agree; answers that cannot change
    the outcome are not waited for.
    """

    @field_validator("tool_choice")
    @classmethod
    def _choice_of_tools(cls, choice: str | None, info: ValidationInfo) -> str | None:
        names = [tool["function"]["name"] for tool in info.data.get("tools") or ()]
        if choice not in (None, "auto", "none") and not names and "tools" in info.data:
            raise ValueError("needs tools to choose from")
        if choice not in (None, *_CHOICES, *names) and names:
            raise ValueError(f"names the function {choice!r}, which is not among the tools")
        return choice

    @model_validator(mode="after")
    def _top_needs_logprobs(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs requires logprobs: true")
        return self

    @model_validator(mode="after")
    def _vote_needs_several(self) -> Self:
        if self.vote and (self.n or 1) < 2:
            raise ValueError("vote requires n, the number of answers, to be at least 2")
        return self

    @property
    def limit(self) -> int | None:
        """Return the maximum tokens of the answer, including the thought; ``None`` for what the
        context holds.
        """
        given = (self.max_completion_tokens, self.max_tokens, self.n_predict)
        return next((limit for limit in given if limit is not None), None)

    @property
    def thought_limit(self) -> int | None:
        """Return the maximum tokens of the thought; ``None`` for no limit."""
        if self.thinking is False:
            return 0
        reasoning = self.reasoning or ReasoningOptions.model_construct()
        options = self.thinking_options
        for budget in (
            self.reasoning_budget,
            reasoning.max_tokens,
            None if options is None else options.budget_tokens,
        ):
            if budget is not None:
                return None if budget < 0 else budget
        return None if self.effort is None else EFFORTS[self.effort]

    @property
    def effort(self) -> Effort | None:
        """Return how much the model should think."""
        effort = self.reasoning_effort or (self.reasoning and self.reasoning.effort)
        return effort or (self.think if isinstance(self.think, str) else None)

    @property
    def thinking(self) -> bool | None:
        """Return whether the model should think; None leaves that to the model."""
        given = self.chat_template_kwargs or {}
        reasoning = self.reasoning or ReasoningOptions.model_construct()
        said = [
            self.enable_thinking,
            given.get("enable_thinking"),
            given.get("thinking"),
            self.think,
            reasoning.enabled,
            None if self.thinking_options is None else self.thinking_options.wanted,
        ]
        for value in said:
            if isinstance(value, bool):
                return value
        if self.effort is not None:
            return self.effort != "none"
        prompts = (one.content for one in reversed(self.messages) if one.role == "user")
        return asked_in_text(next(prompts, ""))

    @property
    def thoughts_told(self) -> ThoughtFormat:
        """Return where the thought is reported."""
        excluded = self.reasoning is not None and self.reasoning.exclude
        if self.include_reasoning is False or excluded or self.reasoning_format == "hidden":
            return "hidden"
        return "text" if self.reasoning_format in ("none", "raw") else "apart"

    @property
    def alternatives(self) -> int | None:
        """Return the number of alternatives per token; ``None`` without log probabilities."""
        if self.logprobs:
            return self.top_logprobs or 0
        return self.n_probs or None

    def generation(self, default: Sampling) -> GenerationRequest:
        """Return the engine's request; ``default`` is the model's own sampling."""
        message = self.reasoning_budget_message
        return GenerationRequest(
            messages=self.template_messages(),
            continue_final_message=self.continue_final_message is True,
            tools=self.template_tools(),
            sampling=self.sampling(default),
            max_tokens=self.limit,
            stop=self.stop or (),
            logit_bias=self.logit_bias or {},
            ignore_eos=self.ignore_eos is True,
            top_logprobs=self.alternatives,
            reasoning_budget=self.thought_limit,
            thinking=self.thinking,
            effort=self.effort,
            template_variables=self.chat_template_kwargs or {},
            handover=HANDOVER if message is None else message,
            loop_detection=self.loop_detection is not False,
            cache_prompt=self.cache_prompt is not False,
            cache_on_disk=self.cache_on_disk is not False,
            response_format=self.form,
            tool_choice=self.tool_choice or "auto",
            parallel_tool_calls=self.parallel_tool_calls is not False,
            rope=self.rope or "auto",
        )

    def template_messages(self) -> list[Message]:
        """Return the conversation in the templates' form."""
        return [message.to_message() for message in self.messages]

    def template_tools(self) -> list[Tool]:
        """Return the tools on offer."""
        return [] if self.tool_choice == "none" else self.tools or []
