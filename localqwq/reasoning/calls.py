"""Reading the body of one tool call while it is generated; a pure state machine.

A body is ``{"name": …, "arguments": {…}}``. In that order, which the models' own templates use,
name and arguments are known before the end. Any other order needs the whole body.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from localqwq.reasoning.messages import Tool

CallFormat = Literal["tagged", "bare", "xml"]
"""How a model writes calls: as JSON within ``<tool_call>``, as JSON alone in place of an answer, or
as XML within ``<tool_call>``.
"""
_HEADER = r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"KEY"\s*:\s*\{'
_BARE_HEADERS = ('{"name":"', '{"type":"function","name":"', '{"type":"function","function":')
_FUNCTION = re.compile(r"<function=([^>\n]*)>(.*?)(?:</function>|$)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\n]*)>\n?(.*?)\n?</parameter>", re.DOTALL)
_LISTED = re.compile(
    r"<｜tool▁call▁begin｜>([^<\n]*)<｜tool▁sep｜>([^<\n{]*)(.*?)<｜tool▁call▁end｜>", re.DOTALL
)
_FENCE = re.compile(r"^\s*```(?:json)?\s*\n|\n\s*```\s*$")
_ESCAPES = {code: json.dumps(chr(code))[1:-1] for code in range(0x20)}


class CallReader:
    """Follow one body, however it is divided into pieces."""

    def __init__(self, key: str = "arguments") -> None:
        """Set up; ``key``: the name of the arguments in bodies that are reported before their
        end.
        """
        self._pattern = re.compile(_HEADER.replace("KEY", key), re.DOTALL)
        self.name: str | None = None
        """The name, known once the arguments begin; only if an object of arguments follows it."""
        self.in_string = False
        """Whether the next character belongs to a JSON string."""
        self.arguments_closed = False
        self._header: list[str] | None = []
        self._arguments: list[str] = []
        self._depth = 0
        self._begun = False
        self._escaped = False

    @property
    def complete(self) -> bool:
        """Whether the body's object is closed."""
        return self._depth == 0 and self._begun

    @property
    def arguments(self) -> str:
        """The JSON text of the arguments, as far as it was read."""
        return "".join(self._arguments)

    def feed(self, text: str) -> str:
        """Return what the next piece of the body adds to the arguments' JSON text.

        Models write line breaks and tabs into strings, which JSON forbids: they are escaped.
        """
        added: list[str] = []
        for character in text:
            telling = self.name is not None and not self.arguments_closed
            written = self._step(character)
            if self._header is not None:
                self._header.append(character)
                if self._depth == 2:
                    self._end_header()
                    telling = self.name is not None
            if telling:
                added.append(written)
                self.arguments_closed = self._depth < 2
        self._arguments += added
        return "".join(added)

    def _step(self, character: str) -> str:
        """Track strings and nesting over one character; return it as valid JSON."""
        if self.in_string:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == '"':
                self.in_string = False
            return _ESCAPES.get(ord(character), character)
        if character == '"':
            self.in_string = True
        elif character in "{[":
            self._depth += 1
            self._begun = True
        elif character in "}]":
            self._depth -= 1
        return character

    def _end_header(self) -> None:
        """At the second bracket, take the name if the text before it has the expected form."""
        header, self._header = "".join(self._header or ()), None
        if match := self._pattern.fullmatch(header):
            try:
                self.name = json.loads(match[1], strict=False) or None
            except ValueError:  # an escape that JSON does not have
                return


def may_be_bare_call(body: str) -> bool:
    """Return whether a text that begins with a bracket may be a call without tags, as in Llama."""
    begun = re.sub(r"\s", "", body[:80])
    return any(begun.startswith(one) or one.startswith(begun) for one in _BARE_HEADERS)


def call_in_xml(body: str, types: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return name and arguments of a call in Qwen3-Coder's form; None if it is not one.

    Values are text there. ``types`` has the JSON schemas of the arguments by tool: values of other
    types than text are parsed as JSON.
    """
    match = _FUNCTION.search(body)
    if match is None or not (name := match[1].strip()):
        return None
    known = types.get(name, {})
    values = {key.strip(): value for key, value in _PARAMETER.findall(match[2])}
    arguments = {key: _typed(value, known.get(key)) for key, value in values.items()}
    return name, json.dumps(arguments, ensure_ascii=False)


def listed_calls(body: str) -> list[tuple[str, str]]:
    """Return names and arguments of the complete calls listed by DeepSeek's R1 and V3."""
    found = []
    for kind, name, written in _LISTED.findall(body):
        # Newer versions omit the kind and the fence around the arguments, too.
        arguments = _FENCE.sub("", written).strip()
        try:
            is_object = isinstance(json.loads(arguments or "{}", strict=False), dict)
        except (ValueError, RecursionError):
            continue
        if is_object and (name.strip() or kind.strip()):
            found.append((name.strip() or kind.strip(), arguments or "{}"))
    return found


def _typed(value: str, schema: Any) -> Any:
    if isinstance(schema, Mapping) and schema.get("type") == "string":
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    # Without a schema it is unknown whether digits are a number: the model treats them as one.
    return value if isinstance(found, str) and not isinstance(schema, Mapping) else found


def call_in_json(body: str) -> tuple[str, str] | None:
    """Return name and arguments of the call in the JSON text, or ``None`` if it is malformed."""
    try:
        # Models write line breaks into strings, which strict JSON forbids.
        call = json.loads(body, strict=False)
        arguments = call.get("arguments", call.get("parameters", {}))
        if isinstance(arguments, str):
            arguments = json.loads(arguments, strict=False)
        name = call["name"]
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        return None
    return name, json.dumps(arguments, ensure_ascii=False)


def argument_schemas(tool: Tool) -> Mapping[str, Any]:
    """Return the schemas of a tool's arguments."""
    parameters = tool["function"].get("parameters") or {}
    properties = parameters.get("properties")
    return properties if isinstance(properties, dict) else {}


def is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
