"""Which calls are right."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.evals.bfcl.calls import (
    Wanted,
    are_right,
    calls_of,
    expectation,
    expected_calls,
    written,
)
from localqwq.evals.problem import Problem
from localqwq.evals.verdict import judge
from localqwq.reasoning.events import ToolCall
from tests.evals.bfcl.made_calls import right_calls, wrong_calls

AREA = Wanted(
    "area",
    {"base": [10], "height": [5, 5.5], "unit": ["cm", ""], "exact": [True, ""]},
    {"base": "integer", "height": "float", "unit": "string", "exact": "boolean"},
    ["base", "height"],
)
ROUTE = Wanted(
    "maps.route",
    {
        "stops": [["New York", "Boston, MA"]],
        "options": [{"tolls": [False], "via": ["I-95", ""]}, ""],
        "legs": [[{"to": ["Boston"]}], ""],
        "date": ["2024-01-05", "Jan. 5, 2024"],
    },
    {"stops": "array", "options": "dict", "legs": "array", "date": "string"},
    ["stops", "date"],
)
STOPS = {"stops": ["new york", "boston MA"], "date": "2024/01/05"}


def found(wanted: list[Wanted], *calls: tuple[str, Any]) -> bool:
    """Whether the calls are right."""
    made = [{"name": name, "arguments": arguments} for name, arguments in calls]
    return are_right(wanted, made)


@pytest.mark.parametrize(
    "arguments",
    [
        {"base": 10, "height": 5},
        {"base": 10, "height": 5.0, "unit": "CM"},
        {"base": 10, "height": 5.5, "unit": "c.m", "exact": True},
    ],
)
def test_right_values(arguments: dict[str, Any]) -> None:
    """One of the values that are listed, optional ones or not; whole numbers for decimal ones."""
    assert found([AREA], ("area", arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        {},
        {"base": 10},
        {"base": 10.0, "height": 5},
        {"base": "10", "height": 5},
        {"base": True, "height": 5},
        {"base": 10, "height": 6},
        {"base": 10, "height": 5, "unit": "m"},
        {"base": 10, "height": 5, "exact": 1},
        {"base": 10, "height": 5, "colour": "red"},
        {"base": None, "height": 5},
    ],
)
def test_wrong_values(arguments: Any) -> None:
    """A value, a type or a parameter is another one, or one is lacking."""
    assert not found([AREA], ("area", arguments))


@pytest.mark.parametrize(
    ("more", "is_right"),
    [
        ({}, True),
        ({"date": "jan 5 2024"}, True),
        ({"options": {"tolls": False}}, True),
        ({"options": {"tolls": False, "via": "i 95"}, "legs": [{"to": "boston"}]}, True),
        ({"options": {"via": "I-95"}}, False),
        ({"options": {"tolls": 0}}, False),
        ({"options": {"tolls": False, "fast": True}}, False),
        ({"legs": []}, False),
        ({"legs": [{"to": "Boston"}, {"to": "Boston"}]}, False),
        ({"stops": ["Boston, MA", "New York"]}, False),
        ({"stops": "New York"}, False),
    ],
)
def test_lists_and_dictionaries(more: dict[str, Any], is_right: bool) -> None:
    """Elements in their order, texts alike; a dictionary has a list of right values by key."""
    assert found([ROUTE], ("maps_route", {**STOPS, **more})) == is_right


def test_several_calls() -> None:
    """In any order, each once; a dot in a name may be an underscore."""
    area, route = ("area", {"base": 10, "height": 5}), ("maps.route", STOPS)
    both = [AREA, ROUTE]
    assert found(both, area, route)
    assert found(both, route, area)
    assert not found(both, area)
    assert not found(both, area, area)
    assert not found(both, area, route, area)
    # The first call would do for both, so that the second one has to be left for it.
    narrow = Wanted("f", {"x": [1]}, {"x": "integer"}, [])
    wide = Wanted("f", {"x": [1, 2]}, {"x": "integer"}, [])
    assert found([wide, narrow], ("f", {"x": 1}), ("f", {"x": 2}))


def test_variables() -> None:
    """A right value of another type than the declared one is the name of a variable."""
    wanted = Wanted("f", {"x": ["counter"]}, {"x": "integer"}, ["x"])
    assert found([wanted], ("f", {"x": "counter"}))
    assert not found([wanted], ("f", {"x": 1}))


def test_no_call_and_any_call() -> None:
    """Where no function helps, none may be called; where one does, any."""
    some = [{"name": "f", "arguments": {}}]
    assert [are_right([], []), are_right([], some)] == [True, False]
    assert [are_right(None, []), are_right(None, some)] == [False, True]


def test_verdicts() -> None:
    """Calls that the API brings; JSON that is broken is wrong, and no call is no answer."""

    def never(_: str, __: str) -> bool:
        raise AssertionError

    problem = Problem("1", "?", expectation([AREA]), "calls")
    text = written([ToolCall("a", "area", '{"height": 5, "base": 10}')])
    assert calls_of(text) == [{"name": "area", "arguments": {"height": 5, "base": 10}}]
    verdict = judge(problem, text, never)
    assert verdict.right
    assert verdict.given == '[{"arguments": {"base": 10, "height": 5}, "name": "area"}]'
    for broken in ('{"base": 10', "[10, 5]", "", "null"):
        text = written([ToolCall("a", "area", broken)])
        assert not judge(problem, text, never).right
    assert judge(problem, written([]), never).given is None
    nothing = judge(Problem("1", "?", expectation([]), "calls"), written([]), never)
    assert (nothing.given, nothing.right) == ("[]", True)


LEAVES = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.floats(-9, 9).map(lambda value: round(value, 2)),
    st.text("abc XYZ", min_size=1).filter(str.strip),
)
VALUES = LEAVES | st.lists(LEAVES, max_size=3)
TYPES = {int: "integer", bool: "boolean", float: "float", str: "string", list: "array"}


@st.composite
def wanted_calls(draw: st.DrawFn) -> list[Wanted]:
    """Calls with values of all types."""
    calls = []
    for place in range(draw(st.integers(1, 3))):
        values = draw(st.dictionaries(st.text("pqr", min_size=1, max_size=2), VALUES, max_size=3))
        types = {name: TYPES[type(value)] for name, value in values.items()}
        optional = draw(st.sets(st.sampled_from(sorted(values)))) if values else set()
        right = {
            name: [value, *([""] if name in optional else [])] for name, value in values.items()
        }
        calls.append(Wanted(f"f{place}", right, types, sorted(values.keys() - optional)))
    return calls


@settings(max_examples=40)
@given(wanted_calls())
def test_any_calls(wanted: list[Wanted]) -> None:
    """Right ones are right in each way, and wrong in each way once one thing is changed."""
    assert expected_calls(expectation(wanted)) == wanted
    assert all(are_right(wanted, calls) for calls in right_calls(wanted))
    assert not any(are_right(wanted, calls) for calls in wrong_calls(wanted))
