"""The chat template: messages become the prompt that the model was trained on."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message, Tool

PROMPT_LIMIT = 32 * 1024 * 1024
"""Characters that a rendered prompt may have: far beyond any context, short of filling memory."""


class TemplateRefusal(TemplateError):
    """The template itself refuses the messages, by ``raise_exception``."""


def render(
    template: str, messages: Sequence[Message], tools: Sequence[Tool] = (), *, bos: str, eos: str
) -> str:
    """The prompt for the next assistant turn, as Hugging Face's ``apply_chat_template`` makes it.

    ``bos`` and ``eos`` are the texts of the begin and end tokens, which some templates write. The
    template comes from the model file and is not trusted: it runs in Jinja's sandbox. Raises
    :class:`LocalqwqError` when it cannot be compiled, fails, or refuses the messages.
    """
    pieces: list[str] = []
    size = 0
    try:
        stream = _compile(template).generate(
            messages=[_for_template(message) for message in messages],
            tools=list(tools) or None,
            documents=None,
            add_generation_prompt=True,
            bos_token=bos,
            eos_token=eos,
        )
        for piece in stream:
            size += len(piece)
            if size > PROMPT_LIMIT:
                raise TemplateError(f"its prompt is longer than {PROMPT_LIMIT} characters")
            pieces.append(piece)
    except TemplateRefusal as refusal:
        raise LocalqwqError(
            f"The model's chat template refuses this conversation: {_sentence(refusal)}"
        ) from refusal
    except Exception as failure:  # a template is a program: it can raise anything
        raise LocalqwqError(
            f"The model's chat template does not work ({_sentence(failure)}); "
            "convert the model again or use another file of it."
        ) from failure
    return "".join(pieces)


@lru_cache(maxsize=4)
def _compile(template: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment.from_string(template)


def _for_template(message: Message) -> dict[str, Any]:
    """The message with text content and with call arguments as objects, as templates expect."""
    prepared: dict[str, Any] = dict(message)
    # OpenAI's API allows null beside tool calls, while templates concatenate.
    prepared["content"] = prepared.get("content") or ""
    if calls := prepared.get("tool_calls"):
        prepared["tool_calls"] = [_call_for_template(call) for call in calls]
    return prepared


def _call_for_template(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call["function"])
    with suppress(TypeError, ValueError):  # not JSON text: the template gets what there is
        function["arguments"] = json.loads(function["arguments"])
    return {**call, "function": function}


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


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text or type(error).__name__
