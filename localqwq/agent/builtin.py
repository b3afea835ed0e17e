"""The built-in tools by name; none is offered to a model unless a person names it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from localqwq.agent.functions import function_tool
from localqwq.agent.tool import AgentTool
from localqwq.agent.tools import calculator, clock
from localqwq.errors import LocalqwqError

TOOLS = {tool.name: tool for tool in (calculator.TOOL, clock.TOOL)}


def builtin_tools(names: Iterable[str]) -> list[AgentTool]:
    """Return the tools with these names, each once; raises :class:`LocalqwqError` for others."""
    found = {}
    for name in names:
        if name not in TOOLS:
            raise LocalqwqError(f"There is no tool {name!r}; there are: {', '.join(TOOLS)}.")
        found[name] = TOOLS[name]
    return list(found.values())


def agent_tools(wanted: Sequence[Callable[..., Any] | AgentTool | str]) -> list[AgentTool]:
    """Return tools given as functions, as names of built-in ones, or as they are.

    Raises :class:`LocalqwqError` for one that cannot be used, or two of the same name.
    """
    found: dict[str, AgentTool] = {}
    for one in wanted:
        if isinstance(one, str):
            [tool] = builtin_tools([one])
        elif isinstance(one, AgentTool):
            tool = one
        elif callable(one):
            tool = function_tool(one)
        else:
            raise LocalqwqError(f"A tool is a function or a built-in tool's name, not {one!r}.")
        if tool.name in found:
            raise LocalqwqError(f"There are two tools named {tool.name!r}.")
        found[tool.name] = tool
    return list(found.values())
