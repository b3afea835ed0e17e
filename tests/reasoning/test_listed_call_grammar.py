"""Listed calls are held to their tools, and what the grammar takes is read back as it was meant."""

import json
from typing import Any

import pytest

from localqwq.reasoning.calls import listed_calls
from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.lark import SchemaRefused
from localqwq.reasoning.listed_call_grammar import listed_call_grammar
from tests.reasoning.lark_reader import reader

END = "<｜tool▁calls▁end｜>"


def tool(name: str) -> dict[str, Any]:
    """A tool with one number."""
    properties = {"n": {"type": "integer"}}
    parameters = {"type": "object", "properties": properties, "required": ["n"]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def call(name: str, arguments: str, *, fenced: bool = True) -> str:
    """A call as R1 writes it, or as its successors do."""
    if not fenced:
        return f"<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{arguments}<｜tool▁call▁end｜>"
    return (
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{arguments}\n```"
        "<｜tool▁call▁end｜>"
    )


TOOLS = [tool("add"), tool("take")]
ONE, OTHER = call("add", '{"n": 1}'), call("take", '{"n": 2}')
BARE = call("take", '{"n": 3}', fenced=False)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (ONE + END, True),
        (ONE + "\n" + OTHER + END, True),
        ("\n" + ONE + BARE + END, True),
        (OTHER + END, False),
        (ONE, False),
        (END, False),
        (call("add", '{"m": 1}') + END, False),
        (call("sub", '{"n": 1}') + END, False),
    ],
)
def test_what_fits(text: str, fits: bool) -> None:
    """Where the first call has to be of one of the tools."""
    assert reader(listed_call_grammar(TOOLS, problem, first="add"), is_json=False)(text) is fits
    if fits:
        assert next(json.loads(arguments) for _, arguments in listed_calls(text)) == {"n": 1}


def test_one_call_only() -> None:
    """Where several are not wanted."""
    takes = reader(listed_call_grammar(TOOLS, problem, several=False), is_json=False)
    assert takes(OTHER + END)
    assert not takes(OTHER + ONE + END)


@pytest.mark.parametrize("name", ["a<b", "a\nb", "a{b", ""])
def test_names_that_a_list_has_no_place_for(name: str) -> None:
    """Are refused: the calls are read as they come then."""
    with pytest.raises(SchemaRefused, match="format for tool calls"):
        listed_call_grammar([tool(name)], problem)
