"""Bounds of numbers, names and nesting, however the text is divided."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.json_bounds import MAX_DEPTH, JsonBounds

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18) + 1, 10**18 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(values, st.sampled_from([None, 2]))
def test_usual_values_are_within_bounds(value: object, indent: int | None) -> None:
    """As JSON without numbered escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    assert JsonBounds().allow(text.encode("utf-8", "surrogatepass")) or r"\u0" in text


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("1" * 18, True),
        ("1" * 19, False),
        ("-0.5e-10", True),
        ("1e999", False),
        ("[1e99,1e99]", True),
        ("0." + "3" * 18, True),
        ("0." + "3" * 19, False),
        ('"' + "1" * 50 + '"', True),
        ('{"a": "' + "1" * 50 + r"\"" + '", "b": true}', True),
        (r'{"a": "\u0062"}', True),
        (r'{"\u0062": 1}', False),
        (r'{"a": 1, "\u0062": 1}', False),
        (r'["\u0062", {"a": ["\u0062"]}]', True),
        (r'{"\n\\u": 1}', True),
        ("[" * MAX_DEPTH, True),
        ("[" * (MAX_DEPTH + 1), False),
        ("[[],{}]" * 100, True),
    ],
)
def test_bounds(text: str, within: bool) -> None:
    """In one piece and byte by byte."""
    assert JsonBounds().allow(text.encode()) is within
    bounds = JsonBounds()
    pieces = [bytes((byte,)) for byte in text.encode()]
    told = []
    for piece in pieces:
        told.append(bounds.allow(piece))
        bounds.add(piece)
    assert all(told) is within
