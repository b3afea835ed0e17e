"""Hostile chat templates end a process of their own and nothing else; trusted ones need none."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from types import FrameType
from typing import Any

import pytest
from jinja2.defaults import DEFAULT_NAMESPACE

from localqwq.engine.request import TEMPLATE_FUNCTIONS
from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.models.chat_templates import built_in_templates, chosen_template
from localqwq.reasoning.messages import Message, MessageToolCall
from localqwq.reasoning.template import render

HELLO: list[Message] = [{"role": "user", "content": "Grüße \ud800 {{ 1 }}"}]
TEMPLATE = "{% for m in messages %}{{ bos_token }}{{ m.role }}: {{ m.content }}{% endfor %}"
Make = Callable[[str], TemplateRenderer]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes renderers that are closed with the test."""
    with ExitStack() as stack:

        def renderer(template: str) -> TemplateRenderer:
            made = TemplateRenderer(template, bos="<s>", eos="</s>", seconds=8)
            return stack.enter_context(closing(made))

        yield renderer


def test_it_renders_as_in_process(make: Make) -> None:
    """Any text, several times, tools included."""
    renderer = make(TEMPLATE)
    expected = render(TEMPLATE, HELLO, bos="<s>", eos="</s>")
    assert [renderer.render(HELLO, []) for _ in range(2)] == [[expected]] * 2
    tool = {"type": "function", "function": {"name": "größer"}}
    assert make("{{ tools | tojson }}").render(HELLO, [tool]) == [
        '[{"type": "function", "function": {"name": "größer"}}]'
    ]


def test_tools_have_a_template_of_their_own() -> None:
    """As Hermes is published; what each takes is found by itself."""
    own = "{% for t in tools %}{{ t.function | tojson }}{% endfor %}{{ messages[0].content }}"
    with closing(TemplateRenderer(TEMPLATE, bos="", eos="", tool_template=own)) as renderer:
        tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
        assert renderer.render([{"role": "user", "content": "hi"}], [tool]) == [
            '{"name": "f", "parameters": {}}hi'
        ]
        assert renderer.render([{"role": "user", "content": "hi"}], []) == ["user: hi"]
        assert (renderer.traits().tools_listed, renderer.traits(tools=True).tools_listed) == (
            False,
            True,
        )


def test_variables_of_the_template(make: Make) -> None:
    """They reach it; what localqwq itself says counts more."""
    renderer = make("{{ enable_thinking }}{{ bos_token }}{{ messages | length }}")
    values = {"enable_thinking": False, "bos_token": "x", "messages": []}
    assert renderer.render(HELLO, [], values) == ["False<s>1"]


def test_refusals_keep_their_words(make: Make) -> None:
    """The sentence is the same as without the process."""
    with pytest.raises(LocalqwqError, match=r"refuses .*: Roles must alternate"):
        make("{{ raise_exception('Roles must alternate') }}").render(HELLO, [])


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 10 ** 10 }}",
        "{{ 'x' | center(10 ** 10) }}",
        "{{ '%10000000000d' % 1 }}",
        "{% set n = namespace(s='x') %}"
        "{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    ],
)
def test_memory_is_bounded(make: Make, template: str) -> None:
    """One sentence, and the next conversation is rendered."""
    renderer = make(template)
    for _ in range(2):
        with pytest.raises(LocalqwqError, match="chat template does not work"):
            renderer.render(HELLO, [])


def test_time_is_bounded(make: Make) -> None:
    """A loop that prints nothing, and a number without end."""
    spin = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(LocalqwqError, match="more than 8 seconds"):
        make(spin).render(HELLO, [])


def test_the_process_is_replaced(make: Make) -> None:
    """Killed from outside, the next prompt is rendered by another."""
    renderer = make(TEMPLATE)
    assert renderer._child.process is not None
    renderer._child.process.kill()
    renderer._child.process.wait()
    assert renderer.render(HELLO, [])[0].startswith("<s>user")


def test_messages_that_nest_too_deeply(make: Make) -> None:
    """A sentence instead of a crash."""
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(LocalqwqError, match="deeply"):
        make(TEMPLATE).render(HELLO, [deep])


TOOL = {"type": "function", "function": {"name": "größer", "parameters": {"type": "object"}}}
CALL: MessageToolCall = {
    "id": "1",
    "type": "function",
    "function": {"name": "größer", "arguments": "{}"},
}
TURN: list[Message] = [
    {"role": "user", "content": "Grüße \ud800 {{ 1 }} <|im_end|>"},
    {"role": "assistant", "reasoning_content": "Hm.", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "1", "content": "yes"},
    {"role": "assistant", "content": "Yes."},
]
BUILT_IN = sorted(built_in_templates())


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_template_renders_as_in_the_process(make: Make, name: str) -> None:
    """A comment more, and it is a stranger's, which renders the same."""
    template = chosen_template(name)
    here, apart = make(template), make(template + "{# #}")
    for tools in ([], [TOOL]):
        for messages in (TURN[:1], TURN):
            assert here.render(messages, tools) == apart.render(messages, tools)
    assert here._child.process is None
    assert apart._child.process is not None


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_trusted_template_takes_time_by_the_message(name: str) -> None:
    """Steps of Python for twice the turns: twice as many, and never a power of them."""
    template = chosen_template(name)

    def steps(turns: int) -> int:
        seen = 0

        def step(_frame: FrameType, _event: str, _arg: Any) -> Any:
            nonlocal seen
            seen += 1
            return step

        before = sys.gettrace()
        sys.settrace(step)
        try:
            render(template, TURN * turns, [TOOL], bos="<s>", eos="</s>")
        finally:
            sys.settrace(before)
        return seen

    steps(1)  # compiles it
    few, some, many = steps(8), steps(16), steps(32)
    assert many - some < 2.2 * (some - few)


def test_a_changed_template_is_not_trusted(make: Make) -> None:
    """By a letter, or by a second template for tools."""
    template = chosen_template("qwq")
    assert make(template.replace("user", "User", 1))._child.process is not None
    with closing(TemplateRenderer(template, bos="", eos="", tool_template=TEMPLATE)) as renderer:
        assert renderer._child.process is not None


def test_a_large_conversation_has_the_process(make: Make) -> None:
    """Others' answers would wait while it is rendered within the engine's."""
    renderer = make(chosen_template("qwq"))
    small, large = HELLO, [HELLO[0], *TURN[-1:], HELLO[0]] * 20_000
    assert len(renderer.render(small, [])) == 1
    assert renderer._child.process is None
    (prompt,) = renderer.render(large, [])
    assert renderer._child.process is not None
    assert prompt.count("Yes.") == 20_000


def test_a_trusted_template_fails_as_others_do(make: Make) -> None:
    """Messages that nest too deeply, and a model that was closed."""
    renderer = make(chosen_template("qwq"))
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(LocalqwqError, match="deeply"):
        renderer.render(HELLO, [deep])
    assert "Grüße" in renderer.render(HELLO, [])[0]
    renderer.close()
    with pytest.raises(LocalqwqError, match="was closed"):
        renderer.render(HELLO, [])


def test_functions_that_variables_may_not_replace() -> None:
    """The engine knows their names without importing Jinja, and templates have them."""
    ours = TEMPLATE_FUNCTIONS - set(DEFAULT_NAMESPACE)
    assert set(DEFAULT_NAMESPACE) < TEMPLATE_FUNCTIONS
    assert ours == {"raise_exception", "strftime_now"}
    defined = " ".join(f"{{{{ {name} is defined }}}}" for name in sorted(TEMPLATE_FUNCTIONS))
    assert set(render(defined, HELLO, bos="", eos="").split()) == {"True"}
