"""Messages of conversations as clients send them back, whichever server they came from."""

import json
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator

from localqwq.reasoning.messages import Message
from localqwq.server.http.fields import Part

_ROLES = {"developer": "system", "function": "tool"}
"""Roles with another name in chat templates."""
_TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Kinds of text parts, and the field with the text in each."""


def _text(value: Any) -> Any:
    """Return message content as text: a string, a list of text parts, or null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ValueError("must be a string or a list of text parts")
    texts = [_text_of(part) for part in value]
    if None in texts:
        raise ValueError("must be text or a list of text parts: this model reads nothing else")
    return "\n".join(map(str, texts))


def _text_of(part: Any) -> str | None:
    """Return the text of one part; ``None`` if it has none."""
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    name = _TEXT_PARTS.get(kind) if isinstance(kind, str) else None
    text = part.get(name) if name is not None else None
    return text if isinstance(text, str) else None


def _arguments(value: Any) -> Any:
    """Return a call's arguments as JSON text; an empty object if absent."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str | None):
        raise ValueError("must be a JSON object, also as text")
    return value if value and value.strip() else "{}"


class TextPart(Part):
    """A part of a message's content."""

    type: Literal["text", "input_text", "output_text"]
    text: str


class RefusalPart(Part):
    """A refusal in a message's content, as written by OpenAI's models."""

    type: Literal["refusal"]
    refusal: str


Text = Annotated[
    str,
    BeforeValidator(_text, json_schema_input_type=str | list[str | TextPart | RefusalPart] | None),
]
Arguments = Annotated[
    str, BeforeValidator(_arguments, json_schema_input_type=str | dict[str, Any] | None)
]


class FunctionCallPart(Part):
    """The function of a tool call."""

    name: str
    arguments: Arguments = "{}"
    """A JSON object, as text or as it is."""


class ToolCallPart(Part):
    """A tool call that the model made earlier."""

    id: str | None = None
    type: Literal["function"] | None = None
    function: FunctionCallPart


class ChatMessage(Part):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    """Who speaks. `developer` is OpenAI's newer name for `system`, `function` its older one for
    `tool`."""
    content: Text = ""
    """The text, or a list of text parts, which are joined with line breaks."""
    refusal: str | None = None
    """An assistant's refusal instead of content, as written by OpenAI's models."""
    reasoning_content: str | None = None
    """The thought behind an assistant's message. Templates usually leave earlier thoughts out."""
    reasoning: str | None = None
    """The same under OpenRouter's and vLLM's name."""
    thinking: str | None = None
    """The same under Ollama's name."""
    tool_calls: list[ToolCallPart] | None = None
    """The tool calls in an assistant's message."""
    function_call: FunctionCallPart | None = None
    """OpenAI's older way to write one tool call."""
    tool_call_id: str | None = None
    """The call that a tool's message is the result of."""
    name: str | None = None
    """The function's name, in a message with the role `function`."""

    def to_message(self) -> Message:
        """Return the message in the templates' form."""
        message: dict[str, Any] = {
            "role": _ROLES.get(self.role, self.role),
            "content": self.content or self.refusal or "",
        }
        if thought := self.reasoning_content or self.reasoning or self.thinking:
            message["reasoning_content"] = thought
        if calls := self._calls():
            message["tool_calls"] = calls
        if self.role == "function":
            message["tool_call_id"] = self.name or ""
        elif self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        return cast(Message, message)

    def _calls(self) -> list[dict[str, Any]]:
        calls = [(call.id or "", call.function) for call in self.tool_calls or ()]
        if not calls and self.function_call is not None:
            calls = [(self.function_call.name, self.function_call)]  # its result names it so
        return [
            {"id": id_, "type": "function", "function": function.model_dump()}
            for id_, function in calls
        ]
