"""Messages and tools in OpenAI's form, for requests, templates and the store."""

from typing import Any, Literal, NotRequired, TypedDict


class FunctionCall(TypedDict):
    """The function part of a tool call."""

    name: str
    arguments: str


class MessageToolCall(TypedDict):
    """A tool call inside an assistant message."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class Message(TypedDict):
    """One chat message."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[MessageToolCall]]
    tool_call_id: NotRequired[str]


Tool = dict[str, Any]
"""A tool in the form of OpenAI's API: ``{"type": "function", "function": {…}}``."""
