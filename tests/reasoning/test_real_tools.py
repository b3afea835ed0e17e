"""Tools of real programs: their valid calls are possible, and no others."""

import json
from typing import Any

import pytest

from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.json_grammar import call_grammar, schema_value
from localqwq.reasoning.lark import grammar
from tests.reasoning.lark_reader import reader
from tests.reasoning.real_tools import TOOLS, RealTool


def declared(tool: RealTool) -> dict[str, Any]:
    """The tool in OpenAI's form."""
    function = {"name": tool.name, "description": "It helps.", "parameters": tool.parameters}
    return {"type": "function", "function": function}


def call(tool: RealTool, arguments: Any, indent: int | None = None) -> str:
    """A call as a model writes it."""
    body = {"name": tool.name, "arguments": arguments}
    return json.dumps(body, ensure_ascii=False, indent=indent)


TOGETHER = reader(call_grammar([declared(tool) for tool in TOOLS], problem))
each = pytest.mark.parametrize("tool", TOOLS, ids=[tool.name for tool in TOOLS])


@each
def test_a_tool(tool: RealTool) -> None:
    """Alone, in the usual layouts."""
    takes = reader(call_grammar([declared(tool)], problem))
    for arguments in tool.fits:
        assert takes(call(tool, arguments)), arguments
        assert takes(call(tool, arguments, indent=2)), arguments
    for arguments in tool.fails:
        assert not takes(call(tool, arguments)), arguments


@each
def test_a_tool_among_all_others(tool: RealTool) -> None:
    """Each call is held to its own tool."""
    assert all(TOGETHER(call(tool, arguments)) for arguments in tool.fits)
    assert not any(TOGETHER(call(tool, arguments)) for arguments in tool.fails)


@each
def test_a_strict_tool(tool: RealTool) -> None:
    """Nothing in them is left to the model."""
    if tool.parameters is not None:
        takes = reader(
            grammar("value", f"value: {schema_value(tool.parameters, problem, strict=True)}")
        )
        assert all(takes(json.dumps(arguments, ensure_ascii=False)) for arguments in tool.fits)
        assert not any(takes(json.dumps(arguments)) for arguments in tool.fails)
