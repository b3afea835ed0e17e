"""JSON schemas as grammars, read back as regular expressions, and what is refused."""

import json
import re
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.answer_forms import Form, answer_form
from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.json_grammar import call_grammar
from localqwq.reasoning.lark import SchemaRefused
from tests.reasoning.lark_reader import reader


def grammar(schema: Any, *, strict: bool = True) -> Form:
    """The grammar for an answer by this schema."""
    described = {"name": "it", "schema": schema, "strict": strict}
    return answer_form({"type": "json_schema", "json_schema": described}, problem)


def takes(schema: Any, text: str) -> bool:
    """Whether the text is an answer by this schema."""
    return reader(grammar(schema))(text)


def tool(name: str, parameters: Any, **fields: Any) -> dict[str, Any]:
    """A tool in OpenAI's form."""
    return {"type": "function", "function": {"name": name, "parameters": parameters, **fields}}


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "age": {"type": "integer", "minimum": 0},
        "tags": {"type": "array", "items": {"enum": ["a", "ab", "b"]}, "maxItems": 2},
    },
    "required": ["name"],
    "additionalProperties": False,
}
REF = {"$defs": {"a/b": {"type": "boolean"}}, "items": {"$ref": "#/$defs/a~1b"}, "type": "array"}


ITSELF = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
TWICE = {"type": "array", "items": {"$ref": "#"}}
DOUBLING = {"anyOf": [{**TWICE, "maxItems": 5}, {**TWICE, "maxItems": 6}]}
LENGTHS = [{"type": "string", "maxLength": 1000 + index} for index in range(2000)]
DIAMONDS = {
    "$defs": {"0": False}
    | {str(n): {"anyOf": [{"$ref": f"#/$defs/{n - 1}"}] * 2} for n in range(1, 30)},
    "$ref": "#/$defs/29",
}
MANY = {"anyOf": [{"const": index} for index in range(30)]}


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        (PERSON, ['{"name": "Eve"}', '{"name":"","age":3}'], ["{}", '{"age": 3}', '{"x": 1}']),
        (PERSON, ['{"name": "E\\n", "tags": ["ab", "a"]\n}'], ['{"name": "Eve", "tags": ["c"]}']),
        (PERSON, ['{\n  "name": "Eve",\n  "age": 0\n}\n'], ['{"name": "Eve", "name": "Bob"}']),
        (PERSON, ['{"name": "\\ud83d\\ude00"}'], ['{"name": "\\ud83d"}', '{"name": "a\nb"}']),
        ({"enum": ['say "hi"', "back\\slash", 1, None, [1, {"a": 2}]]},
         [r'"say \"hi\""', r'"back\\slash"', "1", "null", '[1, {"a": 2}]'], ['"say hi"', "2"]),
        ({"const": "\u0000\u2028é"}, ['"\\u0000\u2028é"'], ['"é"']),
        ({"type": ["boolean", "null"]}, ["true", "null"], ["0"]),
        (REF, ["[]", "[true,false]", "[ true,\n  false ]"], ["[1]", "[true,]"]),
        ({"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 12}]}, ["3", "12"], ["2", "13"]),
        ({"anyOf": [{"const": "a"}, {"type": "integer"}]}, ['"a"', "-12"], ['"b"', "1.5"]),
        ({"type": "number"}, ["-0.5e-10", "12"], ["01", "+1", "1.", "NaN", "1e999"]),
        ({"type": "string", "pattern": r"^\d+$"}, ['"12"'], ['"a"', '""']),
        ({"type": "string", "format": "date"}, ['"2024-02-29"'], ['"2024-13-01"', '"today"']),
        ({"type": "string", "minLength": 2, "maxLength": 3}, ['"äö"', '"\\"\\""'], ['"abcd"']),
        ({"type": "array", "minItems": 2, "items": {"type": "null"}}, ["[null,null]"], ["[null]"]),
        ({"prefixItems": [{"const": 1}, {"const": 2}]}, ["[1, 2]"], ["[1]", "[1,2,3]"]),
        ({"type": "object", "properties": {}}, ["{}", "{ }"], ['{"a": 1}']),
        ({"type": "object", "additionalProperties": {"type": "null"}},
         ["{}", '{"a": null}'], ["[]"]),
        ({"properties": {"ab": {"const": 1}, "b": {"const": 2}},
          "additionalProperties": {"const": 0}},
         ['{"ab": 1, "a": 0, "abc": 0, "": 0}', '{"b": 2}', '{"c": 0, "d": 0}'],
         ['{"ab": 0}', '{"b": 0}', '{"\\u0062": 0}', '{"b": 2, "ab": 1}']),
        ({"properties": {"a": {"const": 1}, "b": False}, "required": ["a"]},
         ['{"a": 1}'], ['{"a": 1, "b": 2}']),
        ({"type": "object", "properties": {"k": {"type": "null"}}, "required": ["k"],
          "anyOf": [{"properties": {"x": {"const": 1}}, "required": ["x"]},
                    {"properties": {"y": {"const": 2}}, "required": ["y"]}]},
         ['{"k": null, "x": 1}', '{"k": null, "y": 2}'],
         ['{"k": null}', '{"k": null, "x": 1, "z": 0}']),
        ({"type": "integer", "multipleOf": 5}, ["0", "-15", "20"], ["3", "5.5"]),
        ({"type": "number", "multipleOf": 0.05}, ["0.15", "3", "-2.50"], ["0.01"]),
        (DOUBLING, ["[]", "[[[]],[],[],[],[],[]]"], ["[1]", "[[],[],[],[],[],[],[]]"]),
        ({"prefixItems": LENGTHS[:2], "minItems": 1}, ['["a","b"]'], ['["a"]', '["a",1]']),
        ({"type": "string", "format": "ipv4"}, ['"127.0.0.1"'], ['"300.0.0.1"', '"a"']),
        ({"type": "string", "format": "email"}, ['"a@b.org"'], ['"a"']),
        ({"type": "string", "format": "int32"}, ['"any"'], ["1"]),
        ({"type": "string", "pattern": "^a", "maxLength": 2}, ['"ab"'], ['"abc"', '"ba"']),
        ({"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False},
         ['{"x-a": 1}', "{}"], ['{"a": 1}', '{"x-a": "b"}']),
        ({"type": "object", "additionalProperties": {"type": "null"}, "minProperties": 2},
         ['{"a": null, "b": null}'], ['{"a": null}']),
        ({"properties": {"a": True, "b": True}, "minProperties": 1}, ['{"b": 1}'], ["{}"]),
        ({"allOf": [{"properties": {"a": {}}}], "additionalProperties": {"type": "boolean"}},
         ['{"a": true}', '{"b": false}'], ['{"a": 1}', '{"b": 1}']),
        ({"allOf": [{"prefixItems": [{"minimum": 3}]}], "items": {"minimum": 5}, "type": "array"},
         ["[5]", "[]"], ["[3]", "[6, 4]"]),
        ({"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"const": 2}}}],
          "$defs": {"a": {"properties": {"a": {"const": 1}}, "required": ["a"]}}},
         ['{"a": 1}', '{"a": 1, "b": 2}'], ['{"b": 2}', '{"a": 1, "c": 3}', "1"]),
        ({"allOf": [{"properties": {"a": {"properties": {"x": {"const": 1}}, "required": ["x"]},
                                    "b": {"properties": {"z": True}}}},
                    {"properties": {"a": {"properties": {"y": {"const": 2}}}}}]},
         ['{"a": {"x": 1, "y": 2}}', '{"a": {"x": 1}, "b": {"z": 0}}'],
         ['{"a": {"y": 2}}', '{"a": {"x": 2}}', '{"b": {"y": 0}}']),
    ],
)  # fmt: skip
def test_what_schemas_take(schema: Any, yes: list[str], no: list[str]) -> None:
    """Valid JSON of the schema, in its order; blank lines around it do not matter."""
    for text in yes:
        assert takes(schema, text), text
        json.loads(text)
    for text in no:
        assert not takes(schema, text), text


def nested(depth: int) -> Any:
    """A schema that is so deep."""
    schema: Any = {"type": "null"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "https://example.org/schema.json"}, "leads outside the schema"),
        ({"$ref": "file:///etc/passwd"}, "leads outside the schema"),
        ({"$ref": "#/$defs/x"}, "leads nowhere"),
        ({"$ref": 5}, "leads out"),
        (ITSELF, "back to itself"),
        ({"$ref": "#"}, "back to itself"),
        ({"type": "text"}, "type must be one of"),
        ({"type": []}, "type must be one of"),
        ([], "must be an object"),
        ({"items": "x"}, "must be an object"),
        (False, "No value"),
        ({"enum": []}, "No value"),
        ({"type": "string", "const": 1}, "No value"),
        ({"properties": {"a": False}, "required": ["a"]}, "No value can satisfy the property"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "No number"),
        ({"type": "integer", "minimum": "3"}, "minimum must be a number"),
        ({"type": "string", "minLength": -1}, "must not be negative"),
        ({"type": "string", "minLength": 0.5}, "whole number"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "at least 3 and at most 2"),
        ({"type": "array", "items": False, "minItems": 1}, "no value can satisfy"),
        ({"required": [1]}, "list of names"),
        ({"properties": []}, "must be an object"),
        ({"anyOf": []}, "list of schemas"),
        ({"not": {"type": "null"}}, "enforce the schema's not"),
        (
            {"properties": {"a": {"items": {"uniqueItems": True}}}},
            "uniqueItems (at #/properties/a/items)",
        ),
        ({"$defs": {"a": {"if": {}}}, "anyOf": [{"$ref": "#/$defs/a"}]}, "if (at #/$defs/a)"),
        ({"properties": {"a": {"minimum": "1"}}}, "must be a number (at #/properties/a)"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "integer", "multipleOf": 1_000_003}, "multipleOf"),
        ({"type": "string", "pattern": "(?=a)"}, "look-around"),
        (DIAMONDS, "more than 500 alternatives"),
        ({"allOf": [MANY, MANY, MANY]}, "more than 500 alternatives"),
        ({"type": "string", "minLength": 10**9}, "repetitions"),
        ({"enum": ["x" * 400_000]}, "characters"),
        ({"type": "object", "properties": {str(index): {} for index in range(300)}}, "256"),
    ],
)
def test_refusals(schema: Any, says: str) -> None:
    """Each with a sentence that says what is in the way."""
    with pytest.raises(SchemaRefused, match=re.escape(says)):
        grammar(schema)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reference opens a connection."""
    monkeypatch.delattr(socket, "socket")
    with pytest.raises(SchemaRefused):
        grammar({"items": {"$ref": "http://127.0.0.1:1/x"}, "type": "array"})


def test_what_no_grammar_can_say_is_left_to_the_model_unless_strict() -> None:
    """The rest of the schema holds."""
    schema = {"type": "array", "uniqueItems": True, "items": {"type": "null"}}
    takes = reader(grammar(schema, strict=False))
    assert takes("[null, null]")
    assert not takes("[1]")


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        ({"type": "string", "pattern": "^(?=a)"}, '"b"', "1"),
        ({"properties": {"a": {"type": "string", "pattern": r"^(?!x)"}, "b": {"pattern": "^b"}}},
         '{"a": "x", "b": "b"}', '{"b": "c"}'),
        ({"type": "string", "pattern": "^a+$", "maxLength": 9, "format": "uri"}, '"aa"', '"b"'),
        ({"patternProperties": {"^a": {"const": 1}, "^.b": {"const": 2}}, "type": "object"},
         '{"ab": 3}', "[]"),
        ({"properties": {"a": True, "b": True}, "maxProperties": 0}, '{"a": 1}', '{"c": 1}'),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, "5", '"5"'),
        ({"anyOf": [{"const": 1}, {"const": 2}], "oneOf": [{"minimum": 2}, {"type": "number"}]},
         "2", "3"),
    ],
)  # fmt: skip
def test_the_rest_of_a_schema_holds(schema: Any, yes: str, no: str) -> None:
    """What llguidance cannot combine is left to the model as well."""
    takes = reader(grammar(schema, strict=False))
    assert takes(yes)
    assert not takes(no)


@pytest.mark.parametrize("depth", [5, 60, 2000])
def test_deep_schemas(depth: int) -> None:
    """Are grammars or refused."""
    try:
        assert takes(nested(depth), "[" * depth + "null" + "]" * depth)
    except (SchemaRefused, RecursionError):
        assert depth == 2000


def test_recursion_with_a_discriminator() -> None:
    """Alternatives that differ in a constant can nest as deep as they like."""
    leaf: dict[str, Any] = {"properties": {"kind": {"const": "leaf"}}, "required": ["kind"]}
    pair: dict[str, Any] = {
        "properties": {
            "kind": {"const": "pair"},
            "left": {"$ref": "#/$defs/tree"},
            "right": {"$ref": "#/$defs/tree"},
        },
        "required": ["kind", "left", "right"],
    }
    end = '{"kind": "leaf"}'
    inner = f'{{"kind": "pair", "left": {end}, "right": {end}}}'
    whole = f'{{"kind": "pair", "left": {inner}, "right": {end}}}'
    schema = {"$defs": {"tree": {"anyOf": [leaf, pair]}}, "$ref": "#/$defs/tree"}
    assert takes(schema, whole)
    assert not takes(schema, whole.replace("leaf", "twig"))
    del pair["properties"]["kind"], pair["required"][0]
    others = [pair, {**pair, "properties": {**pair["properties"], "z": {}}}]
    schema = {"$defs": {"tree": {"anyOf": [leaf, *others]}}, "$ref": "#/$defs/tree"}
    assert takes(schema, whole.replace('"kind": "pair", ', ""))


def test_large_counts() -> None:
    """A hundred thousand characters, and not one more."""
    takes = reader(grammar({"type": "string", "minLength": 50_000, "maxLength": 50_002}))
    assert [takes('"' + "a" * count + '"') for count in (49_999, 50_000, 50_002, 50_003)] == [
        False,
        True,
        True,
        False,
    ]


def test_free_forms() -> None:
    """Any object; a schema beside ``json_object`` is one like any other."""
    takes = reader(answer_form({"type": "json_object"}, problem))
    assert takes('{"a": [{"b": {}}, 1, null], "c": "d"}')
    assert not takes("[]")
    assert answer_form({"type": "json_object", "schema": PERSON}, problem) == grammar(PERSON)


def test_wrong_formats() -> None:
    """Neither a known type nor a schema."""
    kind = "json_schema"
    for wanted in ({}, {"type": "xml"}, {"type": kind}, {"type": kind, kind: {"name": "x"}}):
        with pytest.raises(SchemaRefused):
            answer_form(wanted, problem)


def test_calls() -> None:
    """Each tool with its own arguments; a broken schema takes any object."""
    tools = [
        tool("add", {"type": "object", "properties": {"a": {"type": "integer"}}}),
        tool('we"ird', None),
    ]
    takes = reader(call_grammar(tools, problem))
    assert takes('\n{"name": "add", "arguments": {"a": 1}}\n')
    assert takes('{"name": "we\\"ird", "arguments": {}}')
    assert not takes('{"name": "add", "arguments": {"b": 1}}')
    assert not takes('{"name": "other", "arguments": {}}')
    takes = reader(call_grammar([tool("f", {"$ref": "http://x"})], problem, "parameters"))
    assert takes('{"name": "f", "parameters": {"any": ["thing"]}}')
    assert not takes('{"name": "f", "parameters": []}')
    with pytest.raises(SchemaRefused, match="'f'"):
        call_grammar([tool("f", {"$ref": "http://x"}, strict=True)], problem)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYWORDS = ["type", "properties", "items", "required", "enum", "const", "anyOf", "allOf", "$ref",
            "minimum", "maxLength", "minItems", "pattern", "additionalProperties"]  # fmt: skip
values = st.recursive(
    scalars | st.sampled_from(["object", "string", "#", "#/anyOf/0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4)
    ),
)


@given(values, st.booleans())
def test_any_value_is_a_schema_or_refused(schema: Any, strict: bool) -> None:
    """Nothing else comes out, and the grammar can be used."""
    try:
        text = grammar(schema, strict=strict)
    except SchemaRefused as refusal:
        assert "\n" not in str(refusal)
        return
    except ValueError as error:  # no JSON: not a number, or infinite
        assert "JSON" in str(error)
        return
    reader(text)


def variant(kind: str, **fields: Any) -> dict[str, Any]:
    """An object that says its kind."""
    properties = {"kind": {"const": kind}, **fields}
    return {"type": "object", "properties": properties, "required": ["kind"]}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"oneOf": [variant("a", x={"type": "integer"}), variant("b")]}, '{"kind": "a", "x": 1}'),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "5"),
        ({"oneOf": [{"const": 1}, {"enum": [2, 3]}]}, "3"),
        (
            {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/x"}], "$defs": {"x": variant("a")}},
            "null",
        ),
    ],
)
def test_parts_of_which_one_holds(schema: dict[str, Any], text: str) -> None:
    """Those that exclude each other are alternatives."""
    assert takes(schema, text)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, "oneOf"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, "oneOf"),
        ({"oneOf": [{"type": "string", "minLength": 2}, {"type": "string"}]}, "oneOf"),
        ({"oneOf": [True, True]}, "oneOf"),
        ({"oneOf": [{"type": "object", "required": ["a"]}, variant("a")]}, "oneOf"),
        ({"type": "object", "unevaluatedProperties": False}, "unevaluatedProperties"),
    ],
)
def test_what_strict_schemas_may_not_say(schema: dict[str, Any], says: str) -> None:
    """A grammar would take more than they do; without strict that is left to the model."""
    with pytest.raises(SchemaRefused, match=says):
        grammar(schema)
    assert grammar(schema, strict=False)
