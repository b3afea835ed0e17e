"""Expressions of Java and JavaScript."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.evals.bfcl.calls import Wanted, are_right
from localqwq.evals.bfcl.literals import Language, split, value_of
from tests.evals.bfcl.spelling import spelled


@pytest.mark.parametrize(
    ("text", "declared", "items", "value"),
    [
        ("42", "integer", None, 42),
        ("-7", "short", None, -7),
        ("42L", "long", None, 42),
        ("42", "long", None, "42"),
        ("1.5f", "float", None, 1.5),
        ("1e3", "double", None, 1000.0),
        ("true", "boolean", None, True),
        ('"a, b"', "String", None, "a, b"),
        ("name", "String", None, "name"),
        ("MAX_VALUE", "integer", None, "MAX_VALUE"),
        ("new int[]{1, 2}", "Array", "integer", [1, 2]),
        ("new int[] {}", "Array", "integer", []),
        ('new String[]{"a,b", "}"}', "Array", "String", ["a,b", "}"]),
        ("values", "Array", "integer", "values"),
        ("new ArrayList<>()", "ArrayList", "integer", []),
        ("new ArrayList<Long>(Arrays.asList(1L, 2L))", "ArrayList", "long", [1, 2]),
        ("Arrays.asList(1, 2)", "ArrayList", "integer", [1, 2]),
        ("List.of(1, 2)", "ArrayList", "integer", [1, 2]),
        ('new ArrayList<>() {{ add("a"); add("b;"); }}', "ArrayList", "String", ["a", "b;"]),
        ('new ArrayList<>(Arrays.asList("a", 1, true))', "ArrayList", "any", ["a", 1, True]),
        ("new HashMap<>()", "HashMap", None, {}),
        (
            'new HashMap<String, Object>() {{ put("a", 1); put("b", new int[]{2}); }}',
            "HashMap",
            None,
            {"a": 1, "b": [2]},
        ),
        ('Map.of("a", 1.5, "b", "c")', "HashMap", None, {"a": 1.5, "b": "c"}),
        ('new HashMap<>(Map.of("a", 1))', "HashMap", None, {"a": 1}),
        ('Map.of("a")', "HashMap", None, 'Map.of("a")'),
    ],
)
def test_java(text: str, declared: str, items: str | None, value: Any) -> None:
    """Numbers as Java writes them, arrays, lists and maps; all else is its text."""
    found = value_of(text, declared, "java", items)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "declared", "items", "value"),
    [
        ("42", "integer", None, 42),
        ("4", "float", None, 4.0),
        ("42n", "Bigint", None, 42),
        ("true", "Boolean", None, True),
        ("'a'", "String", None, "a"),
        ("[1, 2]", "array", "integer", [1, 2]),
        ("new Array(1, 2)", "array", "float", [1.0, 2.0]),
        ("['a, b', \"]\"]", "array", "String", ["a, b", "]"]),
        ("[[1], [2, 3]]", "array", "array", [[1], [2, 3]]),
        ("[]", "array", "String", []),
        ("{}", "dict", None, {}),
        ("{a: 1, 'b': [true, 'x:y'], c: {d: 1.5}}", "dict", None, None),
        ("{a, b}", "dict", None, "{a, b}"),
        ("options", "dict", None, "options"),
        ("undefined", "integer", None, "undefined"),
    ],
)
def test_javascript(text: str, declared: str, items: str | None, value: Any) -> None:
    """Numbers, strings, arrays and objects; all else is its text."""
    if value is None:
        value = {"a": 1, "b": [True, "x:y"], "c": {"d": 1.5}}
    found = value_of(text, declared, "javascript", items)
    assert (found, type(found)) == (value, type(value))


def test_calls_with_expressions() -> None:
    """Their arguments are texts, even where a number is meant."""
    wanted = Wanted(
        "f",
        {"ids": [[1, 2]], "name": ["ctx"], "deep": [True, ""]},
        {"ids": "ArrayList", "name": "any", "deep": "boolean"},
        ["ids"],
        "java",
        {"ids": "integer"},
    )
    ids = "new ArrayList<>(Arrays.asList(1, 2))"
    for arguments, is_right in (
        ({"ids": ids, "name": "ctx"}, True),
        ({"ids": ids, "name": "ctx", "deep": "true"}, True),
        ({"ids": ids, "name": "ctx", "deep": "false"}, False),
        ({"ids": ids, "name": "ctx", "deep": True}, False),
        ({"ids": [1, 2], "name": "ctx"}, False),
        ({"ids": "ids", "name": "ctx"}, False),
    ):
        assert are_right([wanted], [{"name": "f", "arguments": arguments}]) == is_right


@given(st.text("ab,;:'\"([{}])\\ "))
def test_any_text(text: str) -> None:
    """No text breaks the reader, however its brackets stand."""
    languages: tuple[Language, ...] = ("java", "javascript")
    for language in languages:
        for declared in ("Array", "ArrayList", "HashMap", "array", "dict", "String"):
            value_of(text, declared, language)
    assert "".join("".join(split(text)).split()).count("a") == text.count("a")


LEAVES = st.integers(-9, 9) | st.booleans() | st.text("ab c", min_size=1).filter(str.strip)


@given(st.lists(LEAVES, max_size=4), st.dictionaries(st.text("xy", min_size=1), LEAVES, max_size=3))
def test_what_is_written_is_read(elements: list[Any], pairs: dict[str, Any]) -> None:
    """Lists and maps of anything come back, in both languages."""
    for language, a_list, a_map in (
        ("java", "ArrayList", "HashMap"),
        ("java", "Array", "HashMap"),
        ("javascript", "array", "dict"),
    ):
        known: Language = "java" if language == "java" else "javascript"
        assert value_of(spelled(elements, a_list, known), a_list, known) == elements
        assert value_of(spelled(pairs, a_map, known), a_map, known) == pairs
