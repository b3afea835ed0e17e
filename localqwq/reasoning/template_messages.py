"""Adapting messages in OpenAI's form to what a template takes; pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from localqwq.reasoning.generic_tools import call_text, result_text, tools_text
from localqwq.reasoning.template_traits import TemplateTraits

Json = dict[str, Any]


def for_template(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Any], traits: TemplateTraits
) -> list[Json]:
    """Return the messages as the template takes them.

    Tools, calls and system messages that it does not support become text in other messages.
    """
    if tools and not traits.tools:
        # The calls then have the form in which the model is told to write them.
        traits = replace(traits, calls=False, results=False)
        shaped = _with_system(_each(messages, traits), tools_text(tools))
    else:
        shaped = _each(messages, traits)
    if not traits.systems:
        shaped = _with_one_system(shaped)
    if not traits.system:
        shaped = _without_system(shaped)
    return _merged(shaped) if traits.alternates else shaped


def _each(messages: Sequence[Mapping[str, Any]], traits: TemplateTraits) -> list[Json]:
    single = _single_calls(messages) if traits.single_calls and traits.calls else messages
    return [one for message in single for one in _message(message, traits)]


def _single_calls(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the messages with each call in its own turn, followed by its result."""
    found: list[Mapping[str, Any]] = []
    results = {one.get("tool_call_id"): one for one in messages if one["role"] == "tool"}
    for message in messages:
        calls = message.get("tool_calls") or ()
        if len(calls) < 2:
            if message["role"] != "tool" or message.get("tool_call_id") in results:
                found.append(message)
            continue
        for number, call in enumerate(calls):
            said = message["content"] if not number else ""
            found.append({**message, "content": said, "tool_calls": [call]})
            if (result := results.pop(call.get("id"), None)) is not None:
                found.append(result)
    return found


def _message(message: Mapping[str, Any], traits: TemplateTraits) -> list[Json]:
    prepared: Json = dict(message)
    prepared["content"] = prepared.get("content") or ""
    if traits.short_ids and "tool_call_id" in prepared:
        prepared["tool_call_id"] = _short(prepared["tool_call_id"])
    _name_thought(prepared, traits)
    if prepared["role"] == "tool" and not traits.results:
        return [{"role": "user", "content": result_text(prepared["content"])}]
    calls = prepared.get("tool_calls")
    if not calls:
        return [prepared]
    if not traits.calls:
        del prepared["tool_calls"]
        texts = (call_text(call["function"]) for call in calls)
        prepared["content"] = "\n".join(filter(None, [prepared["content"], *texts]))
        return [prepared]
    prepared["tool_calls"] = [_call(call, traits) for call in calls]
    nothing = None if traits.null_content else ""
    if not prepared["content"]:
        return [{**prepared, "content": nothing}]
    if traits.beside_calls == "kept":
        return [prepared]
    said = {name: value for name, value in prepared.items() if name != "tool_calls"}
    call = {**prepared, "content": nothing}
    return [said, call] if traits.beside_calls == "apart" else [call]


def _name_thought(message: Json, traits: TemplateTraits) -> None:
    """Put the thought where the template reads it."""
    thought = message.get("reasoning_content")
    if thought and traits.reasoning is not None:
        message[traits.reasoning] = thought


def _call(call: Mapping[str, Any], traits: TemplateTraits) -> Json:
    function = dict(call["function"])
    arguments = function["arguments"]
    if traits.text_arguments:
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        function["arguments"] = arguments.strip() or "{}"
    elif isinstance(arguments, str):
        with suppress(ValueError):  # not JSON text: pass it on unchanged
            function["arguments"] = json.loads(arguments.strip() or "{}")
    shaped = {**call, "function": function}
    if traits.short_ids and "id" in shaped:
        shaped["id"] = _short(shaped["id"])
    return shaped


def _short(given: str | None) -> str:
    """Return nine letters and digits that are the same for the same id."""
    text = given or ""
    if len(text) == 9 and text.isascii() and text.isalnum():
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:9]


def _with_system(messages: list[Json], text: str) -> list[Json]:
    """Return the messages with a text appended to the system prompt."""
    if messages and messages[0]["role"] == "system":
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{text}".lstrip()}
        return [first, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _with_one_system(messages: list[Json]) -> list[Json]:
    """Return the messages with all system prompts as one, at the beginning."""
    systems = [message for message in messages if message["role"] == "system"]
    if len(systems) < 2:
        return messages
    content = "\n\n".join(filter(None, (one["content"] for one in systems)))
    others = (message for message in messages if message["role"] != "system")
    return [{**systems[0], "content": content}, *others]


def _without_system(messages: list[Json]) -> list[Json]:
    """Return the messages with system prompts moved to the beginning of the user's next
    messages.
    """
    found: list[Json] = []
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "system":
            waiting.append(message["content"])
        elif message["role"] == "user" and waiting:
            found.append({**message, "content": "\n\n".join([*waiting, message["content"]])})
            waiting = []
        else:
            found.append(message)
    if waiting:
        found.append({"role": "user", "content": "\n\n".join(waiting)})
    return found


def _merged(messages: list[Json]) -> list[Json]:
    """Return the messages with consecutive ones of the user, and of the assistant, merged."""
    found: list[Json] = []
    for message in messages:
        before = found[-1] if found else None
        plain = message["role"] in ("user", "assistant") and not message.get("tool_calls")
        if before and plain and before["role"] == message["role"] and not before.get("tool_calls"):
            texts = filter(None, [before["content"], message["content"]])
            found[-1] = {**before, **message, "content": "\n\n".join(texts)}
        else:
            found.append(message)
    return found
