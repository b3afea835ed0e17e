"""Tools from Python functions."""

import functools
from collections.abc import Mapping
from typing import Annotated, Literal

import pytest
from pydantic import Field

from localqwq.agent.builtin import agent_tools
from localqwq.agent.functions import function_tool
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, ToolFailed
from localqwq.errors import LocalqwqError


def weather(
    city: str,
    days: Annotated[int, Field(ge=1, le=7, description="How many days.")] = 1,
    unit: Literal["C", "F"] = "C",
) -> dict[str, object]:
    """Return the weather
    of a city.

    More about it that the model need not know.

    Args:
        city: The name of the city.
        days: not used, since it is described above.

    Returns:
        city: not an argument.
    """
    return {"city": city, "days": days, "unit": unit}


def called(tool: AgentTool, arguments: Mapping[str, object]) -> str:
    """The result of a call."""
    return tool.run(tool.check(arguments), Stop())


def test_the_schema_is_that_of_the_hints() -> None:
    """And the texts are those of the docstring."""
    tool = function_tool(weather)
    assert (tool.name, tool.description) == ("weather", "Return the weather of a city.")
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The name of the city."},
            "days": {
                "type": "integer",
                "default": 1,
                "description": "How many days.",
                "maximum": 7,
                "minimum": 1,
            },
            "unit": {"type": "string", "default": "C", "enum": ["C", "F"]},
        },
        "required": ["city"],
    }


def test_arguments_are_checked_and_results_become_text() -> None:
    """What is wrong is said in a sentence that names it."""
    tool = function_tool(weather)
    assert called(tool, {"city": "Rome", "days": "2"}) == '{"city": "Rome", "days": 2, "unit": "C"}'
    for wrong, says in [
        ({}, "city"),
        ({"city": "A", "days": 9}, "days"),
        ({"city": "A", "x": 1}, "x"),
    ]:
        with pytest.raises(ToolFailed, match=f"'{says}'"):
            tool.check(wrong)


def test_names_that_pydantic_uses_itself() -> None:
    """They are ordinary arguments."""

    def odd(model_config: int, json: int, _private: int, schema: int) -> int:
        return model_config + json + _private + schema

    tool = function_tool(odd)
    values = {"model_config": 1, "json": 2, "_private": 3, "schema": 4}
    assert called(tool, values) == "10"
    assert tool.parameters["required"] == list(values)


def test_what_a_function_raises_is_told() -> None:
    """As the result of the call."""

    def divide(a: float, b: float) -> float:
        """Divide."""
        return a / b

    with pytest.raises(ToolFailed, match="ZeroDivisionError"):
        called(function_tool(divide), {"a": 1, "b": 0})


def test_what_cannot_be_a_tool() -> None:
    """Said at once."""

    def several(*values: int) -> int:
        return sum(values)

    def unknown(value: int) -> None:
        """Take what is not defined."""

    unknown.__annotations__["value"] = "Nowhere"

    for wrong in (several, unknown, lambda: None, 5, "no_such_tool"):
        with pytest.raises(LocalqwqError):
            agent_tools([wrong])  # type: ignore[list-item]
    for nameless, says in (
        (lambda: None, "A lambda cannot be a tool, as it has no name: write a function with def."),
        (functools.partial(weather), "which a partial does not have: write a function with def."),
    ):
        with pytest.raises(LocalqwqError) as refused:
            agent_tools([nameless])
        assert str(refused.value).endswith(says)
    several.__name__ = "wie_groß"
    with pytest.raises(LocalqwqError, match="cannot be called 'wie_groß': its name must be"):
        agent_tools([several])
    with pytest.raises(LocalqwqError, match="two tools"):
        agent_tools([weather, weather])
