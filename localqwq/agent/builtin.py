"""The built-in tools by name; none is offered to a model unless a person names it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from localqwq.agent.folders import Folders
from localqwq.agent.functions import function_tool
from localqwq.agent.names import BUILTIN, CHANGING, READING, unknown_tool
from localqwq.agent.tool import AgentTool
from localqwq.agent.tools import calculator, clock, editing, files, programs, small_python
from localqwq.errors import LocalqwqError

_OPENING = (
    "open one with `ask --folder {0}`, with `/folder {0}` in the app, or by `folders` in Python"
)


def builtin_tools(names: Iterable[str], folders: Folders | None = None) -> list[AgentTool]:
    """Return the tools with these names, each once, for these opened folders.

    Raises :class:`LocalqwqError` if there is no such tool, or it cannot be used here.
    """
    folders = Folders() if folders is None else folders
    return [_builtin(name, folders) for name in dict.fromkeys(names)]


def _builtin(name: str, folders: Folders) -> AgentTool:
    if name not in BUILTIN:
        raise LocalqwqError(unknown_tool(name))
    if name in READING and not folders.all:
        raise LocalqwqError(f"{name} needs a folder: {_OPENING.format('PATH')}.")
    if name in CHANGING and not any(folder.writable for folder in folders.all):
        raise LocalqwqError(f"{name} needs a folder to write in: {_OPENING.format('PATH:rw')}.")
    match name:
        case "calculator":
            return calculator.TOOL
        case "time":
            return clock.TOOL
        case "python":
            return small_python.python_tool()
        case "run_code":
            return programs.run_code_tool(folders)
        case "shell":
            return programs.shell_tool(folders)
    [tool] = [one for one in (*files.tools(folders), *editing.tools(folders)) if one.name == name]
    return tool


def agent_tools(
    wanted: Sequence[Callable[..., Any] | AgentTool | str], folders: Folders | None = None
) -> list[AgentTool]:
    """Return tools given as functions, as names of built-in ones, or as they are.

    Raises :class:`LocalqwqError` for one that cannot be used, or two of the same name.
    """
    found: dict[str, AgentTool] = {}
    for one in wanted:
        if isinstance(one, str):
            [tool] = builtin_tools([one], folders)
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
