"""Finding out what a chat template supports, by rendering small conversations."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from localqwq.reasoning.template_environment import TemplateRefusal, run
from localqwq.reasoning.template_traits import TemplateTraits, sentence

Json = dict[str, Any]

_LIMIT = 1024 * 1024
"""Maximum characters of a probe's prompt."""
_TOKENS = {"bos_token": "", "eos_token": ""}
_USER: Json = {"role": "user", "content": "qzuser"}
_ANSWER: Json = {"role": "assistant", "content": "qzanswer"}
_RESULT: Json = {"role": "tool", "tool_call_id": "qzcallid1", "content": "qzresult"}
_TOOL: Json = {
    "type": "function",
    "function": {
        "name": "qztool",
        "description": "qzdescription",
        "parameters": {
            "type": "object",
            "properties": {"qzkey": {"type": "string", "description": "qzhint"}},
            "required": ["qzkey"],
        },
    },
}
_SYSTEM: Json = {"role": "system", "content": "qzsystem"}
_TWO_SYSTEMS: list[Json] = [
    _SYSTEM,
    _USER,
    {"role": "assistant", "content": "a"},
    {"role": "system", "content": "qzlater"},
    _USER,
]
_OTHER_TOOL: Json = {
    "type": "function",
    "function": {
        "name": "qzother",
        "description": "qzother",
        "parameters": {"type": "object", "properties": {}, "required": []},
    },
}
"""Some templates render calls only if there are tools."""
_AS_OBJECT: Json = {"qzkey": "qzvalue"}
_AS_TEXT = '{"qzkey": "qzvalue"}'
_JSON_FORM = re.compile(r'(?<!\\)"qzkey"\s*:\s*"qzvalue"')
_WRONG_FORM = re.compile(r"""\\"qzkey|'qzkey'|qzkey='""")
_BARE_CALL = re.compile(r'\{"name": ?"qztool", ?"parameters": ?\{')
_REASONING = ("reasoning_content", "reasoning", "thinking")
_SWITCHES = ("enable_thinking", "thinking")


@lru_cache(maxsize=4)
def traits_of(template: str) -> TemplateTraits:
    """Return what a template supports. Never raises; run it in a separate process, as templates are
    not trusted.
    """
    probe = _Probe(template)
    try:
        probe.render([_USER])
    except TemplateRefusal:  # it may only require another conversation than this one
        return TemplateTraits()
    except Exception as failure:  # a template is a program: it can raise anything
        probe.no_tools = []
        if not probe.text([_USER]):
            return TemplateTraits(problem=sentence(failure))
    null, text, calls = _calls(probe)
    switch, thinks = _switch(probe)
    call = _turn(None if null else "", text=text)
    system = "qzsystem" in probe.text([_SYSTEM, _USER])
    return TemplateTraits(
        system=system,
        systems=not system or _has(probe.text(_TWO_SYSTEMS), "qzsystem", "qzlater"),
        alternates=not probe.text([_USER, _USER])
        and bool(probe.text([_USER, {"role": "assistant", "content": "a"}, _USER])),
        tools=_has(probe.text([_USER], tools=[_TOOL]), "qztool", "qzkey"),
        calls=calls,
        results=calls or "qzresult" in probe.text([_USER, _ANSWER, _RESULT]),
        call_format=_format(probe, call) if calls else "tagged",
        null_content=null,
        text_arguments=text,
        beside_calls=_beside(probe, call) if calls else "kept",
        single_calls=calls and not _takes_two(probe, call),
        short_ids=calls and not probe.text([_USER, *_with_id("call_qzlong", call, _RESULT)]),
        tools_listed=probe.no_tools is not None,
        reasoning=_reasoning(probe, call),
        switch=switch,
        thinks=thinks,
        effort=probe.text([_USER], reasoning_effort="low")
        != probe.text([_USER], reasoning_effort="high"),
    )


class _Probe:
    """One template and what it renders."""

    def __init__(self, template: str) -> None:
        self.no_tools: list[Json] | None = None
        """The value of ``tools`` if there are none."""
        self._template = template

    def render(self, messages: Sequence[Json], tools: Sequence[Json] = (), **more: Any) -> str:
        """Return the prompt; raises what the template raises."""
        own = {**_TOKENS, **more}
        return run(self._template, messages, tools, own, no_tools=self.no_tools, limit=_LIMIT)

    def text(self, messages: Sequence[Json], tools: Sequence[Json] = (), **more: Any) -> str:
        """Return the prompt; empty if the template fails."""
        try:
            return self.render(messages, tools, **more)
        except Exception:  # as above
            return ""


def _turn(content: str | None, *, text: bool) -> Json:
    """Return a turn with a call."""
    function = {"name": "qztool", "arguments": _AS_TEXT if text else _AS_OBJECT}
    call = {"id": "qzcallid1", "type": "function", "function": function}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


def _calls(probe: _Probe) -> tuple[bool, bool, bool]:
    """Return whether content must be null and arguments text, and whether calls are rendered at
    all.
    """
    found: list[tuple[int, int, bool, bool]] = []
    for text in (False, True):
        for null in (False, True):
            turn = _turn(None if null else "", text=text)
            prompts = [probe.text([_USER, turn, _RESULT], tools) for tools in ([], [_OTHER_TOOL])]
            best = max(prompts, key=_quality)
            found.append((-_quality(best), len(best), text, null))
    # If two are equally good, prefer the shorter one without an empty turn beside the call, then
    # the usual form.
    quality, _, text, null = min(found, key=lambda one: (one[0], one[2], one[1], one[3]))
    if quality:
        return null, text, True
    # A template that omits even the model's text is not for conversations, so nothing can be told.
    return False, False, "qzanswer" not in probe.text([_USER, _ANSWER, _USER])


def _quality(prompt: str) -> int:
    """Return 2 for a call with arguments in JSON, 1 for another form, 0 for none or a broken
    one.
    """
    if not _has(prompt, "qztool", "qzkey", "qzvalue", "qzresult"):
        return 0
    if _WRONG_FORM.search(prompt) or "None" in prompt:
        return 0
    return 2 if _JSON_FORM.search(prompt) else 1


def _format(probe: _Probe, call: Json) -> Literal["tagged", "bare", "xml", "other"]:
    prompt = probe.text([_USER, call, _RESULT])
    if "<tool_call>" in prompt:
        return "xml" if "<function=qztool>" in prompt else "tagged"
    return "bare" if _BARE_CALL.search(prompt) else "other"


def _beside(probe: _Probe, call: Json) -> Literal["kept", "apart", "dropped"]:
    both = probe.text([_USER, {**call, "content": "qzsaid"}, _RESULT])
    if _has(both, "qzsaid", "qztool"):
        return "kept"
    said = {"role": "assistant", "content": "qzsaid"}
    apart = probe.text([_USER, said, call, _RESULT, _ANSWER, _USER])
    return "apart" if _has(apart, "qzsaid", "qztool") else "dropped"


def _takes_two(probe: _Probe, call: Json) -> bool:
    (first,) = call["tool_calls"]
    second = {**first, "id": "qzcallid2", "function": {**first["function"], "name": "qzother"}}
    results = [_RESULT, {**_RESULT, "tool_call_id": "qzcallid2", "content": "qzsecond"}]
    prompt = probe.text([_USER, {**call, "tool_calls": [first, second]}, *results])
    return _has(prompt, "qztool", "qzother", "qzresult", "qzsecond")


def _with_id(given: str, call: Json, result: Json) -> list[Json]:
    """Return a call and its result with another id."""
    calls = [{**one, "id": given} for one in call["tool_calls"]]
    return [{**call, "tool_calls": calls}, {**result, "tool_call_id": given}]


def _reasoning(probe: _Probe, call: Json) -> str | None:
    answer: Json = {"role": "assistant", "content": "qzsaid"}
    for name in _REASONING:
        thought = {name: "qzthought"}
        for turns in ([{**answer, **thought}, _USER], [{**call, **thought}, _RESULT]):
            if "qzthought" in probe.text([_USER, *turns], tools=[_TOOL]):
                return name
    return None


def _switch(probe: _Probe) -> tuple[str | None, bool | None]:
    """Return the variable that switches thinking, and whether thinking is on by default."""
    for name in _SWITCHES:
        on, off = (probe.text([_USER], (), **{name: value}) for value in (True, False))
        if on and off and on != off:
            return name, probe.text([_USER]) == on
    return None, None


def _has(prompt: str, *words: str) -> bool:
    return all(word in prompt for word in words)
