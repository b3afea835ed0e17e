"""What templates take is found out, and messages are given to them so."""

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.messages import Message, MessageToolCall, Tool
from localqwq.reasoning.template import render
from localqwq.reasoning.template_messages import for_template
from localqwq.reasoning.template_probe import traits_of
from localqwq.reasoning.template_traits import TemplateTraits

TOOL: Tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
USER: Message = {"role": "user", "content": "hi"}
TURN = "[{{ m['role'] }}]"
CALL = "CALL {{ t['function']['name'] + ' ' + t['function']['arguments'] }}"
EACH = "{% for t in m['tool_calls'] %}" + CALL + "{% endfor %}"
NULL = (
    "{% for m in messages %}" + TURN + "{% if m['role'] == 'assistant' and m['content'] is none %}"
    + EACH + "{% elif m['content'] is not none %}{{ m['content'] }}{% endif %}{% endfor %}"
)  # fmt: skip
"""Enters the branch of the calls where content is none, as DeepSeek's R1-Distill and V3 do."""
TEXT = (
    "{% for m in messages %}" + TURN + "{% if m['tool_calls'] is defined and m['tool_calls'] %}"
    + EACH + "{% else %}{{ m['content'] }}{% endif %}{% endfor %}"
)  # fmt: skip
"""Concatenates arguments, as R1-0528 does."""
PLAIN = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
"""Knows of no tools."""


def call(*names: str, said: str = "", arguments: Any = '{"a": 1}') -> Message:
    """A turn with calls."""
    calls: list[MessageToolCall] = [
        {
            "id": f"call_{name}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for name in names
    ]
    return {"role": "assistant", "content": said, "tool_calls": calls}


def result(name: str) -> Message:
    """What a call has returned."""
    return {"role": "tool", "tool_call_id": f"call_{name}", "content": f"={name}"}


def say(template: str, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
    """The prompt."""
    return render(template, messages, tools, bos="", eos="")


@pytest.mark.parametrize("template", [NULL, TEXT])
@pytest.mark.parametrize("arguments", ['{"a": 1}', {"a": 1}])
def test_calls_stay_in_the_prompt(template: str, arguments: Any) -> None:
    """Whatever form of content and arguments a template wants."""
    messages = [USER, call("f", arguments=arguments), result("f")]
    assert say(template, messages) == '[user]hi[assistant]CALL f {"a": 1}[tool]=f'
    missing = cast(Message, {**call("f"), "content": None})  # as JSON may have it
    assert say(template, [USER, missing, result("f")]).count("CALL") == 1


def test_text_beside_calls() -> None:
    """It has a turn of its own where a template renders only one of both."""
    messages = [USER, call("f", said="I look."), result("f")]
    expected = '[user]hi[assistant]I look.[assistant]CALL f {"a": 1}[tool]=f'
    assert say(NULL, messages) == say(TEXT, messages) == expected


def test_several_calls_in_a_turn() -> None:
    """Each has its own turn, with its result behind it, where a template takes only one."""
    single = (
        "{% for m in messages %}<{{ m.role }}>{% if m.tool_calls %}"
        "{% if m.tool_calls | length > 1 %}{{ raise_exception('one') }}{% endif %}"
        "{{ m.tool_calls[0].function | tojson }}"
        "{% else %}{{ m.content }}{% endif %}{% endfor %}"
    )
    assert traits_of(single).single_calls
    prompt = say(single, [USER, call("f", "g"), result("f"), result("g"), USER])
    assert prompt == (
        '<user>hi<assistant>{"name": "f", "arguments": {"a": 1}}<tool>=f'
        '<assistant>{"name": "g", "arguments": {"a": 1}}<tool>=g<user>hi'
    )


def test_tools_that_a_template_does_not_know() -> None:
    """They are told in the system prompt, with calls and results in the same form."""
    assert not traits_of(PLAIN).tools
    prompt = say(PLAIN, [{"role": "system", "content": "Be brief."}, USER], [TOOL])
    assert prompt.startswith("<system>Be brief.\n\nYou can call these tools")
    assert '"name": "f"' in prompt
    assert say(PLAIN, [USER], [TOOL]).startswith("<system>You can call")
    prompt = say(PLAIN, [USER, call("f", said="I look."), result("f")], [TOOL])
    assert prompt.endswith(
        '<user>hi<assistant>I look.\n<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n'
        "</tool_call><user><tool_response>\n=f\n</tool_response><assistant>"
    )
    assert say(NULL, [USER, call("f")], [TOOL]).count("CALL") == 0


def test_templates_without_a_system_prompt() -> None:
    """Its text goes to the user's next message; neighbours are put together where they must be."""
    strict = (
        "{% for m in messages %}"
        "{% if m.role == 'system' or (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('no') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    )
    traits = traits_of(strict)
    assert (traits.system, traits.alternates) == (False, True)
    system: Message = {"role": "system", "content": "Be brief."}
    assert say(strict, [system, USER, USER]) == "<user>Be brief.\n\nhi\n\nhi"
    assert say(strict, [system]) == "<user>Be brief."
    answer: Message = {"role": "assistant", "content": "a"}
    assert say(strict, [USER, answer, answer, USER]) == "<user>hi<assistant>a\n\na<user>hi"


def test_ids_of_nine_letters() -> None:
    """The same id for a call and its result, and ids that fit stay."""
    nine = (
        "{% for m in messages %}{% for t in m.tool_calls or [] %}{% if t.id | length != 9 %}"
        "{{ raise_exception('nine') }}{% endif %}[{{ t.id }}]{{ t.function | tojson }}{% endfor %}"
        "<{{ m.tool_call_id }}>{{ m.content }}{% endfor %}"
    )
    assert traits_of(nine).short_ids
    prompt = say(nine, [USER, call("f"), result("f")])
    (given,) = [part[:9] for part in prompt.split("[")[1:]]
    assert f"<{given}>=f" in prompt
    (kept,) = for_template([{**result("f"), "tool_call_id": "abcdefgh1"}], (), traits_of(nine))
    assert kept["tool_call_id"] == "abcdefgh1"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_the_name_of_the_thought(name: str) -> None:
    """Thoughts are where the template reads them."""
    template = "{% for m in messages %}<{{ m.NAME }}>{{ m.content }}{% endfor %}".replace(
        "NAME", name
    )
    assert traits_of(template).reasoning == name
    thought: Message = {"role": "assistant", "content": "a", "reasoning_content": "Hm"}
    assert say(template, [USER, thought]) == "<>hi<Hm>a"


@pytest.mark.parametrize(
    ("template", "switch", "thinks"),
    [
        ("{{ messages }}{% if enable_thinking is false %}<think></think>{% endif %}", True, True),
        ("{{ messages }}{% if enable_thinking %}<think>{% endif %}", True, False),
        ("{{ messages }}", False, None),
    ],
)
def test_the_switch_for_thinking(template: str, switch: bool, thinks: bool | None) -> None:
    """Whether there is one, and how it stands by itself."""
    traits = traits_of(template)
    assert (traits.switch, traits.thinks) == ("enable_thinking" if switch else None, thinks)


def test_what_marks_the_generation_is_no_text() -> None:
    """Templates that are made for training can be used."""
    template = (
        "{% for m in messages %}<{{ m.role }}>{% generation %}\n{% set x = m.content %}{{ x }}"
        "{% endgeneration %}{{ x is defined }}{% endfor %}"
    )
    assert say(template, [USER]) == "<user>hiFalse"


def test_templates_that_want_a_list_of_tools() -> None:
    """An empty one where there are none, as the published one of Hermes for tools does."""
    template = "{% for t in tools %}{{ t | tojson }}{% endfor %}{{ messages[0].content }}"
    assert traits_of(template).tools_listed
    assert say(template, [USER]) == "hi"


@pytest.mark.parametrize(
    "template", ["{% if %}", "{{ nothing.at_all }}", "{{ raise_exception('no') }}"]
)
def test_broken_templates(template: str) -> None:
    """They are given the usual form, and say what is wrong when they are used."""
    traits = traits_of(template)
    assert traits == TemplateTraits(problem=traits.problem)
    assert (traits.problem is None) == ("raise" in template)


NAMES = st.sampled_from(["f", "g"])
MESSAGES = st.lists(
    st.one_of(
        st.builds(
            lambda role, text: Message(role=role, content=text),
            st.sampled_from(["system", "user", "assistant"]),
            st.sampled_from(["", "one", "two"]),
        ),
        st.builds(
            lambda names, said: call(*names, said=said),
            st.lists(NAMES, min_size=1, max_size=2),
            st.sampled_from(["", "I look."]),
        ),
        NAMES.map(result),
    ),
    max_size=6,
)
TRAITS = st.builds(
    TemplateTraits,
    system=st.booleans(),
    systems=st.booleans(),
    alternates=st.booleans(),
    tools=st.booleans(),
    calls=st.booleans(),
    results=st.booleans(),
    null_content=st.booleans(),
    text_arguments=st.booleans(),
    beside_calls=st.sampled_from(["kept", "apart"]),
    single_calls=st.booleans(),
    short_ids=st.booleans(),
)


ONE_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' and not loop.first %}"
    "{{ raise_exception('one') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}"
)
LAST_SYSTEM = (
    "{% set n = namespace(s='') %}{% for m in messages if m.role == 'system' %}"
    "{% set n.s = m.content %}{% endfor %}<system>{{ n.s }}"
    "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"
)
"""Writes one of them, as DeepSeek-R1's do."""


@pytest.mark.parametrize("template", [ONE_SYSTEM, LAST_SYSTEM])
def test_several_system_messages(template: str) -> None:
    """They become one where a template refuses others, or leaves them out."""
    messages: list[Message] = [
        {"role": "system", "content": "first"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho"},
        {"role": "system", "content": "second"},
        {"role": "user", "content": "hm"},
    ]
    given = "<system>first<user>hi<assistant>ho<system>second<user>hm"
    assert render(PLAIN, messages, bos="", eos="") == given + "<assistant>"
    one = "<system>first\n\nsecond<user>hi<assistant>ho<user>hm"
    assert render(template, messages, bos="", eos="") == one
    assert not traits_of(template).systems


@given(MESSAGES, TRAITS, st.booleans())
def test_nothing_is_left_out(messages: list[Message], traits: TemplateTraits, tools: bool) -> None:
    """Whatever form a template wants: every text, call and result of a conversation is in it."""
    shaped = json.dumps(for_template(messages, [TOOL] if tools else [], traits))
    for message in messages:
        assert message["content"] in shaped
    for name in ("f", "g"):
        made = sum(
            one["function"]["name"] == name
            for message in messages
            for one in message.get("tool_calls", ())
        )
        written = shaped.count(f'"name": "{name}"') + shaped.count(f'\\"name\\": \\"{name}\\"')
        described = bool(tools and not traits.tools and name == "f")
        assert written == made + described
    roles = [one["role"] for one in for_template(messages, (), traits)]
    if not traits.systems:
        assert roles.count("system") <= 1
    if not traits.system:
        assert "system" not in roles
