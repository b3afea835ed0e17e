"""Hostile chat templates end a process of their own and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from localqwq.engine.templates import TemplateRenderer
from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message
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
