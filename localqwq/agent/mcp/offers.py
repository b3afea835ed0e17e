"""What a server offers, within limits and as plain values.

What a server says of itself is read by the model, so it must look like a description and nothing
else, and it must not fill the context.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localqwq.agent.results import harmless

MOST_TOOLS = 128
_DESCRIPTION = 2_000
"""Characters of a description."""
_SCHEMA = 16_000
"""Characters of a schema as JSON."""
_NAME = 64
_TEXTS = ("description", "title", "$comment")
"""Keys of a schema whose texts only explain."""


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool of a server."""

    name: str
    """As the server calls it."""
    description: str
    parameters: Mapping[str, Any]
    claims: str = ""
    """What the server says about its effect, in a word; it cannot be trusted."""


@dataclass(frozen=True, slots=True)
class OfferedResource:
    """Something that can be attached to a prompt as ``@server:uri``."""

    server: str
    """The server's prefix."""
    uri: str
    name: str
    description: str = ""
    kind: str = ""
    """Its media type; empty if unknown."""

    @property
    def mention(self) -> str:
        """How it is attached."""
        return f"@{self.server}:{self.uri}"


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """A value that a prompt takes."""

    name: str
    description: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class OfferedPrompt:
    """A prompt that a server has ready, used as ``/server:prompt``."""

    server: str
    """The server's prefix."""
    name: str
    description: str = ""
    arguments: tuple[PromptArgument, ...] = ()

    @property
    def command(self) -> str:
        """How it is used."""
        return f"/{self.server}:{self.name}"


@dataclass(frozen=True, slots=True)
class Offers:
    """Everything that a server offers."""

    tools: tuple[OfferedTool, ...] = ()
    resources: tuple[OfferedResource, ...] = ()
    prompts: tuple[OfferedPrompt, ...] = ()
    left_out: tuple[str, ...] = ()
    """Why some tools are not offered to the model, a sentence each."""

    def tool(self, name: str) -> OfferedTool | None:
        """Return the tool of that name."""
        return next((tool for tool in self.tools if tool.name == name), None)


def tool_name(prefix: str, name: str) -> str:
    """Return the name under which the model knows a server's tool: ``server_tool``."""
    plain = re.sub(r"[^a-zA-Z0-9_-]+", "_", f"{prefix}_{name}")
    if len(plain) <= _NAME and plain == f"{prefix}_{name}":
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{plain[: _NAME - 7]}_{digest}"


def offered_tool(
    name: str, description: str, schema: Mapping[str, Any], claims: str = ""
) -> OfferedTool | str:
    """Return a tool in the form that the model reads, or why it cannot be offered."""
    try:
        parameters = _explained(dict(schema))
        text = json.dumps(parameters)
    except (RecursionError, TypeError, ValueError):
        return f"The schema of {name} is not valid."
    if len(text) > _SCHEMA:
        return f"The schema of {name} is too long: {len(text):,} characters."
    if harmless(text) != text:
        return f"The schema of {name} contains the name of a control token."
    if parameters.get("type", "object") != "object":
        return f"The schema of {name} is not that of an object."
    parameters = {"type": "object", "properties": {}, **parameters}
    return OfferedTool(name, short(description, _DESCRIPTION), parameters, claims)


def selected(found: Sequence[OfferedTool | str]) -> tuple[tuple[OfferedTool, ...], tuple[str, ...]]:
    """Return the tools that are offered, and why the others are not."""
    tools: dict[str, OfferedTool] = {}
    problems: list[str] = []
    for one in found:
        if isinstance(one, str):
            problems.append(one)
        elif one.name in tools:
            problems.append(f"There is another tool named {one.name}.")
        elif len(tools) == MOST_TOOLS:
            problems.append(f"{one.name} is one more than {MOST_TOOLS} tools.")
        else:
            tools[one.name] = one
    return tuple(tools.values()), tuple(problems)


def short(text: str, most: int = 200) -> str:
    """Return a server's words as one paragraph that is harmless to a model and to a terminal."""
    clean = harmless(" ".join(text.split()))
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _explained(value: Any) -> Any:
    """Return a schema with its explanations made harmless and short."""
    if isinstance(value, dict):
        return {
            key: short(one, _DESCRIPTION)
            if key in _TEXTS and isinstance(one, str)
            else _explained(one)
            for key, one in value.items()
            if key != "$schema"
        }
    return [_explained(one) for one in value] if isinstance(value, list) else value
