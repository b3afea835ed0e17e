"""``localqwq ask --tools``: the tools of MCP servers, which run while the question is answered."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from localqwq.agent.mcp.entries import server_of
from localqwq.agent.mcp.files import all_entries
from localqwq.agent.mcp.servers import McpServers
from localqwq.agent.names import BUILTIN
from localqwq.cli.server_grants import allowed
from localqwq.cli.settings import read_settings
from localqwq.conversations.turns import Attachment
from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.agent.folders import Folder
    from localqwq.agent.tool import AgentTool


def server_prefixes() -> list[str]:
    """Return the names of all servers, as tools' names begin with them."""
    return [
        entry.prefix for entry in all_entries(read_settings().agent.mcp_files) if not entry.disabled
    ]


@contextmanager
def server_tools(
    names: Sequence[str], yes_to: Collection[str], folders: Sequence[Folder]
) -> Iterator[tuple[list[AgentTool], set[str]]]:
    """Yield the tools of servers, and the names of those that may be called without asking.

    ``names`` are those of servers, which mean all their tools, or of tools. The servers end with
    the block. Raises :class:`LocalqwqError` if one does not run, or has no such tool.
    """
    if not names:
        yield [], set(yes_to)
        return
    entries = all_entries(read_settings().agent.mcp_files)
    with McpServers(entries, folders, reserved=BUILTIN) as servers:
        prefixes = [servers.state(name).prefix for name in servers.names]
        owners = {name: server_of(name, prefixes) for name in names}
        wanted = list(dict.fromkeys(owners.values()))
        for owner in wanted:
            allowed(servers, owner, yes=owner in yes_to)
        states = {owner: servers.start(owner) for owner in wanted}
        tools: dict[str, AgentTool] = {}
        yes = set(yes_to)
        for owner, future in states.items():
            found = {tool.name: tool for tool in future.result().tools}
            if owner in yes:
                yes.update(found)
            for name in (name for name in names if owners[name] == owner):
                if name != owner and name not in found:
                    raise LocalqwqError(
                        f"The server {owner} has no tool {name!r}; it has: {', '.join(found)}."
                    )
                tools.update(found if name == owner else {name: found[name]})
        yield list(tools.values()), yes


def read_resources(names: Sequence[str]) -> list[Attachment]:
    """Return the resources of MCP servers with names like ``server:uri``.

    Raises :class:`LocalqwqError` if one cannot be read.
    """
    with McpServers(all_entries(read_settings().agent.mcp_files)) as servers:
        found = []
        for name in names:
            server, _, uri = name.partition(":")
            allowed(servers, server)
            servers.start(server).result()
            found.append(Attachment(name, servers.read(server, uri).result()))
        return found
