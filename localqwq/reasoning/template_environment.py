"""The Jinja environment of chat templates, like that of Hugging Face's ``apply_chat_template``."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Environment, Template, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

PROMPT_LIMIT = 32 * 1024 * 1024
"""Maximum characters of a rendered prompt: more than any context, but too few to fill memory."""


class TemplateRefusal(TemplateError):
    """The template itself rejects the messages, by ``raise_exception``."""


class Generation(Extension):
    """``{% generation %}``, which marks the model's text for training."""

    tags: set[str]

    def __init__(self, environment: Environment) -> None:
        self.tags = {"generation"}
        super().__init__(environment)

    def parse(self, parser: Parser) -> nodes.Node:
        """Return the block's body, with its own scope."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller: Macro) -> str:
        return str(caller())


def run(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Any],
    variables: Mapping[str, Any],
    *,
    no_tools: list[Any] | None = None,
    limit: int = PROMPT_LIMIT,
) -> str:
    """Return the prompt for the next assistant turn; ``variables`` are the template's own.

    ``no_tools``: the value of ``tools`` if there are none. Raises whatever a template raises, and
    ``TemplateError`` beyond ``limit`` characters.
    """
    pieces: list[str] = []
    size = 0
    stream = _compile(template).generate(
        {
            **variables,
            "messages": list(messages),
            "tools": list(tools) or no_tools,
            "documents": None,
            "add_generation_prompt": True,
        }
    )
    for piece in stream:
        size += len(piece)
        if size > limit:
            raise TemplateError(f"its prompt is longer than {limit} characters")
        pieces.append(piece)
    return "".join(pieces)


@lru_cache(maxsize=4)
def _compile(template: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols", Generation],
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment.from_string(template)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML and sorts keys: the model was not trained on that.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> NoReturn:
    raise TemplateRefusal(message)


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
