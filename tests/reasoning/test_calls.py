"""The body of a call, read in pieces; and the parts that the parser tells of it."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.calls import CallReader
from localqwq.reasoning.events import Answer, ToolCall, ToolCallPart
from localqwq.reasoning.parser import Parser, Piece, Tags
from localqwq.reasoning.tags import Tag

CALL, CALL_ENDS = 3, 4
TAGS = Tags(1, 2, CALL, CALL_ENDS)
names = st.text(min_size=1, max_size=6)
arguments = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
    max_size=4,
)
cuts = st.lists(st.integers(0, 300), max_size=20)


def cut(text: str, places: list[int]) -> list[str]:
    """The text in pieces."""
    bounds = sorted({0, len(text), *(place for place in places if place < len(text))})
    return [text[a:b] for a, b in pairwise(bounds)]


def parse(pieces: list[str], *, closed: bool = True) -> list[Piece]:
    """The events of an answer that is one call with this body."""
    parser = Parser(TAGS, in_thought=False)
    events = parser.feed(CALL, "<tool_call>")
    places = [parser.place]
    for piece in pieces:
        events += parser.feed(100, piece)
    if closed:
        events += parser.feed(CALL_ENDS, "</tool_call>")
    events += parser.flush()
    counted = [event.tokens for event in events if not isinstance(event, ToolCall)]
    assert sum(counted) == parser.completion_tokens
    places.append(parser.place)
    assert places == ["call", "answer"]
    return events


def told(events: list[Piece]) -> tuple[str, str]:
    """The name and the arguments that the parts of the one call tell."""
    parts = [event for event in events if isinstance(event, ToolCallPart)]
    assert len({part.id for part in parts}) == 1
    assert all(not part.arguments for part in parts[:1])
    assert not any(part.name for part in parts[1:])
    return parts[0].name, "".join(part.arguments for part in parts)


def text(events: list[Piece]) -> str:
    """All of the answer."""
    return "".join(event.text for event in events if isinstance(event, Answer))


@given(names, arguments, cuts, st.booleans(), st.sampled_from([None, 1]))
def test_parts_are_the_call(
    name: str, values: dict[str, Any], places: list[int], ascii_only: bool, indent: int | None
) -> None:
    """However the body is cut, the parts put together are the call that follows them."""
    call = {"name": name, "arguments": values}
    body = "\n" + json.dumps(call, ensure_ascii=ascii_only, indent=indent) + "\n"
    events = parse(cut(body, places))
    whole = events[-1]
    assert isinstance(whole, ToolCall)
    assert told(events) == (whole.name, whole.arguments)
    assert whole.name == name
    assert json.loads(whole.arguments) == values
    assert {part.id for part in events if isinstance(part, ToolCallPart)} == {whole.id}
    assert text(events) == ""


@given(st.text('{}[]",:\\ \nabenumrgts', max_size=60), cuts, st.booleans())
def test_the_cut_does_not_matter(tail: str, places: list[int], closed: bool) -> None:
    """Also of bodies that are broken or cut off."""
    for body in (tail, '{"name": "f", "arguments": {' + tail):
        one, other = parse(cut(body, places), closed=closed), parse(list(body), closed=closed)
        assert text(one) == text(other)
        assert _calls(one) == _calls(other)
        assert _joined(one) == _joined(other)


def _calls(events: list[Piece]) -> list[tuple[str, str]]:
    return [(event.name, event.arguments) for event in events if isinstance(event, ToolCall)]


def _joined(events: list[Piece]) -> tuple[str, str] | None:
    return told(events) if any(isinstance(event, ToolCallPart) for event in events) else None


def test_the_name_comes_with_the_beginning_of_the_arguments() -> None:
    """And the arguments as they come."""
    parser = Parser(TAGS, in_thought=False)
    parser.feed(CALL, "<tool_call>")
    assert parser.feed(100, '\n{"name": "f", "argu') == []
    name, first = parser.feed(100, 'ments": {"a')
    assert isinstance(name, ToolCallPart)
    assert (name.name, name.arguments, name.tokens) == ("f", "", 3)
    assert isinstance(first, ToolCallPart)
    assert (first.arguments, first.tokens) == ('{"a', 0)
    (second,) = parser.feed(100, '": 1}')
    assert second == ToolCallPart(first.id, "", '": 1}', 1)
    assert parser.feed(100, "}\n") == []
    *rest, call = parser.feed(CALL_ENDS, "</tool_call>")
    assert rest == [ToolCallPart(first.id, "", "", 2)]
    assert call == ToolCall(first.id, "f", '{"a": 1}')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"arguments": {"a": 1}, "name": "f"}', [("f", '{"a": 1}')]),
        (r'{"name": "f", "arguments": "{\"a\": 1}"}', [("f", '{"a": 1}')]),
        ('{"name": "f"}', [("f", "{}")]),
        ('{"name": "f", "parameters": {}, "arguments": {"a": 1}}', [("f", '{"a": 1}')]),
        ('{"name": "f", "arguments": [1]}', []),
        ('{"name": "", "arguments": {}}', []),
    ],
)
def test_other_orders_are_held_to_the_end(body: str, expected: list[tuple[str, str]]) -> None:
    """No parts; what is no call is text."""
    events = parse(list(body))
    assert _joined(events) is None
    assert _calls(events) == expected
    assert text(events) == ("" if expected else f"<tool_call>{body}</tool_call>")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"name": "f", "arguments": {"a": ', '{"a": '),
        ('{"name": "f", "arguments": {"a": tru}}', '{"a": tru}'),
        ('{"name": "f", "arguments": {"a": "b', '{"a": "b'),
    ],
)
def test_a_told_call_that_breaks(body: str, shown: str) -> None:
    """Its parts cannot be taken back, but there is no whole call."""
    events = parse(list(body))
    assert told(events) == ("f", shown)
    assert _calls(events) == []
    assert text(events) == ""


def test_what_follows_the_arguments_is_left_out() -> None:
    """The call is known by then, with or without its last bracket."""
    for end in ("", ', "id": 5}', "}}", "} and so on"):
        body = '{"name": "f", "arguments": {"a": {}}' + end
        assert _calls(parse([body])) == [("f", '{"a": {}}')]


def test_line_breaks_in_strings_are_escaped() -> None:
    """Models write them, JSON forbids them."""
    body = '{"name": "f",\n "arguments": {\n"a": "1\n2\t"}}'
    events = parse(list(body))
    assert told(events)[1] == '{\n"a": "1\\n2\\t"}'
    assert json.loads(told(events)[1]) == {"a": "1\n2\t"}


def test_a_closing_tag_within_a_string() -> None:
    """Is text where tags are text."""
    parser = Parser(Tags(), in_thought=False, text_tags=tuple(Tag))
    body = '<tool_call>{"name": "f", "arguments": {"a": "x</tool_call>"}}</tool_call>'
    events = [event for letter in body for event in parser.feed(9, letter)] + parser.flush()
    assert _calls(events) == [("f", '{"a": "x</tool_call>"}')]


def test_places() -> None:
    """Thought, answer, call, and back; an answer that is to be text knows no calls."""
    parser = Parser(TAGS, in_thought=True)
    assert (parser.place, parser.blank) == ("thought", True)
    parser.feed(2, "</think>")
    assert (parser.place, parser.blank) == ("answer", True)
    parser.feed(100, "\n\n")
    assert parser.blank
    parser.feed(CALL, "<tool_call>")
    parser.feed(100, "\n")
    assert (parser.place, parser.body) == ("call", "\n")
    parser.feed(100, "x")
    assert (parser.place, parser.blank) == ("answer", False)
    parser.expect_text()
    assert parser.feed(CALL, "<tool_call>") == [Answer("<tool_call>", 1)]


@given(st.text('{}[]",:\\ \n', max_size=80))
def test_nesting_is_followed(body: str) -> None:
    """The reader takes any text."""
    reader = CallReader()
    assert reader.feed(body) == reader.arguments
