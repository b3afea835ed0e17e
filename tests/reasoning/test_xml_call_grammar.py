"""Calls in XML are held to their tools, and what a grammar takes is read back as it was meant."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.calls import argument_schemas, call_in_xml
from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.lark import SchemaRefused
from localqwq.reasoning.xml_call_grammar import xml_call_grammar
from tests.reasoning.lark_reader import reader

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "save",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "mode": {"enum": ["new", "old"]},
                "count": {"$ref": "#/$defs/count"},
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["path", "mode"],
            "$defs": {"count": {"type": "integer", "minimum": 0}},
        },
    },
}
TAKES = reader(xml_call_grammar([TOOL], problem), is_json=False)


def body(**values: str) -> str:
    """A call's body with these values as they are written."""
    parameters = "".join(f"<parameter={k}>\n{v}\n</parameter>\n" for k, v in values.items())
    return f"\n<function=save>\n{parameters}</function>\n"


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"path": "a b\nc", "mode": "new"}, True),
        ({"path": "<</parameter", "mode": "old", "count": "12"}, True),
        ({"path": "", "mode": "old", "count": "12", "note": "</x>"}, True),
        ({"path": "a"}, False),
        ({"mode": "new", "path": "a"}, False),
        ({"path": "a", "mode": "other"}, False),
        ({"path": "a", "mode": "new", "count": "-1"}, False),
        ({"path": "a", "mode": "new", "count": "many"}, False),
        ({"path": "a", "mode": "new", "more": "1"}, False),
    ],
)
def test_what_fits(values: dict[str, str], fits: bool) -> None:
    """All that is required, in order, with values by their schemas."""
    assert TAKES(body(**values)) is fits


@given(st.text(st.sampled_from("</parmet>\n a"), max_size=30))
def test_texts_come_back(text: str) -> None:
    """Any that has no closing tag in it, and nothing else."""
    written = body(path=text, mode="new")
    fits = TAKES(written)
    assert fits is ("</parameter>" not in text)
    if fits and not text.startswith("\n"):
        found = call_in_xml(written, {"save": argument_schemas(TOOL)})
        assert found is not None
        assert json.loads(found[1]) == {"path": text, "mode": "new"}


@pytest.mark.parametrize("name", ["a>b", "a\nb", ""])
def test_names_that_xml_has_no_place_for(name: str) -> None:
    """Are refused: the call is read as it comes then."""
    with pytest.raises(SchemaRefused, match="format for tool calls"):
        xml_call_grammar([{"type": "function", "function": {"name": name}}], problem)
