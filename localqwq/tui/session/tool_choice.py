"""Which tools and folders a conversation has, as stored with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from localqwq.agent.names import BUILTIN, unknown_tool
from localqwq.conversations.turns import FOLDERS
from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.agent.folders import Folder
    from localqwq.agent.tool import AgentTool
    from localqwq.settings.schema import Settings
    from localqwq.tui.session.servers import SessionServers

TOOLS = "agent.tools"
"""The key among a conversation's own settings, like ``FOLDERS``, which are not general ones."""
_NAMED = 8
"""Tools that are named in a sentence."""
NONE = "none"
"""What a person writes to have none."""


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """The chosen tools, by name, and the opened folders, as ``PATH`` or ``PATH:rw``."""

    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyTools:
    """Tools that can be offered to a model now."""

    tools: tuple[AgentTool, ...] = ()
    folders: tuple[Folder, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    """Why a chosen tool, or a folder, cannot be used: a sentence by its name."""


def tool_choice(settings: Settings, own: Mapping[str, object]) -> ToolChoice:
    """Return the choice of a conversation with its ``own`` settings; ``settings``: with these."""
    folders = own.get(FOLDERS)
    opened = [one for one in folders if isinstance(one, str)] if isinstance(folders, list) else []
    return ToolChoice(tuple(dict.fromkeys(settings.agent.tools)), tuple(opened))


def named_tools(argument: str, servers: SessionServers) -> list[str]:
    """Return the tools, and MCP servers, that a person wrote after ``/tools``. Reads files.

    Raises LocalqwqError for one that does not exist; which tools a server has is seen later.
    """
    from localqwq.agent.mcp.entries import server_of

    names = list(dict.fromkeys(argument.replace(",", " ").split()))
    if names == [NONE]:
        return []
    for name in names:
        if name not in BUILTIN and not server_of(name, servers.prefixes()):
            raise LocalqwqError(unknown_tool(name, servers.prefixes()))
    return names


def named_folders(text: str, opened: Iterable[str]) -> list[str]:
    """Return the opened folders with the one that a person wrote after ``/folder``.

    It replaces the same one, opened otherwise. Raises LocalqwqError if it cannot be opened.
    """
    from localqwq.agent.folders import opened_folder

    if text == NONE:
        return []
    new = opened_folder(text)
    others = [one for one in opened if one.removesuffix(":rw") != str(new.path)]
    return [*others, str(new)]


def ready_tools(choice: ToolChoice, servers: SessionServers) -> ReadyTools:
    """Return the tools that work here and now.

    The sandbox may be tried, which takes a moment, and servers are started, which may take long.
    """
    ready = ready_builtin(choice)
    others = [name for name in choice.names if name not in BUILTIN]
    if not others:
        return ready
    tools, problems = servers.tools(others, ready.folders)
    return replace(ready, tools=(*ready.tools, *tools), problems={**ready.problems, **problems})


def ready_builtin(choice: ToolChoice) -> ReadyTools:
    """Return the built-in tools among them that work."""
    from localqwq.agent.builtin import builtin_tools
    from localqwq.agent.folders import Folders, opened_folder

    opened: list[Folder] = []
    tools: list[AgentTool] = []
    problems: dict[str, str] = {}
    for text in choice.folders:
        try:
            opened.append(opened_folder(text))
        except LocalqwqError as error:
            problems[text] = str(error)
    for name in (name for name in choice.names if name in BUILTIN):
        try:
            tools += builtin_tools([name], Folders(opened))
        except LocalqwqError as error:
            problems[name] = str(error)
    return ReadyTools(tuple(tools), tuple(opened), problems)


def summary(choice: ToolChoice, servers: SessionServers) -> list[str]:
    """Return sentences on what the model may use, and on what does not work."""
    ready = ready_tools(choice, servers)
    names = [tool.name for tool in ready.tools]
    some = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" * (len(names) > _NAMED))
    said = [f"The model may call {some}." if names else "The model may call no tools."]
    if choice.folders:
        said[0] += f" Open: {', '.join(map(str, ready.folders))}."
    return [*said, *ready.problems.values()]
