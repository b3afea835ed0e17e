"""Calls as Llama and Qwen3-Coder write them, whatever pieces they come in."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.calls import CallFormat, call_in_xml
from localqwq.reasoning.events import Answer, ToolCall, ToolCallPart
from localqwq.reasoning.messages import Tool
from localqwq.reasoning.parser import Parser, Piece, Tags
from localqwq.reasoning.tags import Tag

PROPERTIES: dict[str, Any] = {
    "code": {"type": "string"},
    "count": {"type": "integer"},
    "options": {"type": "object"},
}
TOOLS: list[Tool] = [
    {"type": "function", "function": {"name": "f", "parameters": {"properties": PROPERTIES}}},
    {"type": "function", "function": {"name": "g"}},
]


def split(text: str, cuts: Iterable[int]) -> list[str]:
    """The text in pieces."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[start:end] for start, end in pairwise(places)]


def parse(pieces: Iterable[str], form: CallFormat, *, in_thought: bool = False) -> list[Piece]:
    """All events of a generation whose vocabulary has no tags."""
    parser = Parser(Tags(), in_thought, tuple(Tag), calls=form, tools=TOOLS)
    return [event for piece in pieces for event in parser.feed(100, piece)] + parser.flush()


def calls(events: Iterable[Piece]) -> list[tuple[str, str]]:
    """Names and arguments."""
    return [(event.name, event.arguments) for event in events if isinstance(event, ToolCall)]


def answer(events: Iterable[Piece]) -> str:
    """The whole answer."""
    return "".join(event.text for event in events if isinstance(event, Answer))


BARE = [
    ('{"name": "f", "parameters": {"code": "}{"}}', [("f", '{"code": "}{"}')], ""),
    ('\n{"name":"f","parameters":{}}\n', [("f", "{}")], ""),
    ('{"type": "function", "name": "f", "parameters": {"count": 1}}', [("f", '{"count": 1}')], ""),
    (
        '{"name": "f", "parameters": {}}; {"name": "g", "parameters": {"a": 1}}',
        [("f", "{}"), ("g", '{"a": 1}')],
        "",
    ),
    ('{"name": "f", "parameters": {}} That is it.', [("f", "{}")], " That is it."),
    ('{"result": [1, 2]}', [], '{"result": [1, 2]}'),
    ('{"name": "Ada", "born": 1815}', [], '{"name": "Ada", "born": 1815}'),
    ('{"name": "f", "param', [], '{"name": "f", "param'),
    ('It is {"name": "f", "parameters": {}}', [], 'It is {"name": "f", "parameters": {}}'),
    ('{"name": "h", "parameters": {"a": 1}}', [], '{"name": "h", "parameters": {"a": 1}}'),
    ("", [], ""),
]


@pytest.mark.parametrize(("text", "expected", "said"), BARE)
def test_calls_without_tags(text: str, expected: list[tuple[str, str]], said: str) -> None:
    """An object with name and parameters in place of an answer; other JSON is one."""
    for cut in range(len(text) + 1):
        events = parse(split(text, [cut]), "bare")
        assert calls(events) == expected
        assert answer(events) == said
    events = parse(["Hm</think>\n\n", *text], "bare", in_thought=True)
    assert (calls(events), answer(events)) == (expected, said.strip())


def test_parts_of_calls_without_tags() -> None:
    """They are told while they come, and add up to the call."""
    events = parse('{"name": "f", "parameters": {"code": "a"}}', "bare")
    parts = [event for event in events if isinstance(event, ToolCallPart)]
    assert parts[0].name == "f"
    assert "".join(part.arguments for part in parts) == '{"code": "a"}'
    assert len(parts) > 5
    assert sum(part.tokens for part in parts) == len('{"name": "f", "parameters": {"code": "a"}}')


def test_other_models_say_what_they_like() -> None:
    """Only those that call so are read so."""
    text = '{"name": "f", "parameters": {}}'
    assert (calls(parse(text, "tagged")), answer(parse(text, "tagged"))) == ([], text)


@given(st.lists(st.sampled_from([*'{}[]"\\,: n', '"name"', '"parameters"', "f", ";"]), max_size=30))
def test_nothing_is_lost(pieces: list[str]) -> None:
    """What is no call is the answer; tokens are counted once."""
    events = parse(pieces, "bare")
    text = "".join(pieces).strip()
    if not any(isinstance(event, ToolCall | ToolCallPart) for event in events):
        assert answer(events).strip().lstrip("; \n") == text.lstrip("; \n")
    counted = sum(event.tokens for event in events if not isinstance(event, ToolCall))
    assert counted == len(pieces)


XML = (
    "<tool_call>\n<function=f>\n<parameter=code>\nif a < 1:\n    b = '</p>'\n</parameter>\n"
    "<parameter=count>\n3\n</parameter>\n<parameter=options>\n{\"a\": [1]}\n</parameter>\n"
    "<parameter=other>\n42\n</parameter>\n</function>\n</tool_call>"
)  # fmt: skip


def test_calls_in_xml() -> None:
    """Line breaks in values stay, and schemas say which values are text."""
    expected = (
        '{"code": "if a < 1:\\n    b = \'</p>\'", "count": 3, "options": {"a": [1]}, "other": 42}'
    )
    for cut in range(len(XML)):
        events = parse(split(XML, [cut]), "xml")
        assert calls(events) == [("f", expected)]
        assert answer(events) == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<function=f></function>", ("f", "{}")),
        ("<function=g><parameter=a>x</parameter></function>", ("g", '{"a": "x"}')),
        ("<function=f><parameter=code>42</parameter></function>", ("f", '{"code": "42"}')),
        ("<function=f><parameter=count>many</parameter>", ("f", '{"count": "many"}')),
        ("<function=></function>", None),
        ("no call", None),
    ],
)
def test_values_in_xml(body: str, expected: tuple[str, str] | None) -> None:
    """Text that is to be text stays so, also where it looks like a number."""
    assert call_in_xml(body, {"f": PROPERTIES}) == expected


def listed(*bodies: str) -> str:
    """Calls as R1 lists them."""
    calls = "\n".join(f"<｜tool▁call▁begin｜>{body}<｜tool▁call▁end｜>" for body in bodies)
    return f"<｜tool▁calls▁begin｜>{calls}<｜tool▁calls▁end｜>"


R1 = listed(
    'function<｜tool▁sep｜>f\n```json\n{"code": "```</tool_call>"}\n```',
    "function<｜tool▁sep｜>g\n```json\n{}\n```",
)


def test_calls_in_a_list() -> None:
    """As R1 writes them, and as V3.1 does; all that is complete is told."""
    expected = [("f", '{"code": "```</tool_call>"}'), ("g", "{}")]
    for cut in range(len(R1)):
        events = parse(["Hm</think>", *split(R1, [cut])], "tagged", in_thought=True)
        assert (calls(events), answer(events)) == (expected, "")
    assert calls(parse([listed('f<｜tool▁sep｜>{"count": 1}')], "tagged")) == [
        ("f", '{"count": 1}')
    ]
    assert calls(parse([R1[:-40]], "tagged")) == expected[:1]


def test_a_list_without_calls() -> None:
    """It is text, and so is one that a thought tells of."""
    for text in (listed("f<｜tool▁sep｜>{"), "<｜tool▁calls▁begin｜>", listed()):
        assert (calls(parse([text], "tagged")), answer(parse([text], "tagged"))) == ([], text)
    events = parse([R1, "</think>Hi"], "tagged", in_thought=True)
    assert (calls(events), answer(events)) == ([], "Hi")
