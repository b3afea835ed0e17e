"""The MCP servers of a session: started when tools of theirs are wanted, and ended with the app."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from localqwq.agent.names import BUILTIN
from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from localqwq.agent.folders import Folder
    from localqwq.agent.mcp.servers import McpServers, ServerState
    from localqwq.agent.tool import AgentTool
    from localqwq.documents.server_mentions import ServerPrompt


class SessionServers:
    """The servers of ``mcp.json``, once for each set of opened folders; its methods block."""

    def __init__(self, files: Callable[[], Sequence[str]], changed: Callable[[], None]) -> None:
        """Set up; nothing is read yet.

        ``files``: other programs' files, by the settings. ``changed`` is called in another thread
        when a state has changed.
        """
        self._files = files
        self._changed = changed
        self._lock = threading.Lock()
        self._known: dict[tuple[Folder, ...], McpServers] = {}

    def prefixes(self) -> list[str]:
        """Return the names of all servers, with which those of their tools begin.

        Raises LocalqwqError if a file cannot be read.
        """
        from localqwq.agent.mcp.files import all_entries

        return [entry.prefix for entry in all_entries(self._files()) if not entry.disabled]

    def states(self, folders: Sequence[Folder]) -> list[ServerState]:
        """Return what there is to see of each; raises LocalqwqError if a file cannot be read."""
        return self._of(folders).states()

    def asking(self, names: Sequence[str], folders: Sequence[Folder]) -> list[tuple[str, str]]:
        """Return the servers of these tools that ask for something first: name, and what."""
        from localqwq.agent.mcp.entries import server_of

        servers, prefixes = self._of(folders), self.prefixes()
        owners = dict.fromkeys(server_of(name, prefixes) for name in names)
        return [(owner, asks) for owner in owners if owner and (asks := servers.asks(owner))]

    def grant(self, name: str, folders: Sequence[Folder]) -> None:
        """Allow a server what it asks for; only a person's own answer may lead here."""
        self._of(folders).grant(name)

    def tools(
        self, names: Sequence[str], folders: Sequence[Folder]
    ) -> tuple[list[AgentTool], dict[str, str]]:
        """Return the tools with these names, and why others are not there, by name.

        The name of a server stands for all its tools. Servers are started, which may take long.
        """
        from localqwq.agent.mcp.entries import server_of

        problems: dict[str, str] = {}
        try:
            servers, prefixes = self._of(folders), self.prefixes()
        except LocalqwqError as error:
            return [], dict.fromkeys(names, str(error))
        owners = {name: server_of(name, prefixes) for name in names}
        found: dict[str, dict[str, AgentTool]] = {}
        starts: dict[str, Future[ServerState]] = {}
        for owner in filter(None, dict.fromkeys(owners.values())):
            try:
                starts[owner] = _started(servers, owner)
            except LocalqwqError as error:
                problems |= {name: str(error) for name in names if owners[name] == owner}
        for owner, start in starts.items():
            try:
                found[owner] = {tool.name: tool for tool in start.result().tools}
            except LocalqwqError as error:
                problems |= {name: str(error) for name in names if owners[name] == owner}
        tools: dict[str, AgentTool] = {}
        for name, owner in owners.items():
            if not owner:
                problems[name] = f"There is no tool {name!r}, and no MCP server of that name."
            elif owner in found and name == owner:
                tools |= found[owner]
            elif owner in found and name in found[owner]:
                tools[name] = found[owner][name]
            elif owner in found:
                problems[name] = f"The server {owner} has no tool {name!r}."
        return list(tools.values()), problems

    def resources(self, folders: Sequence[Folder]) -> list[tuple[str, str]]:
        """Return the resources of servers that run, as one types them, with what they are."""
        servers = self._of(folders)
        return [(one.mention, one.description or one.name) for one in servers.resources()]

    def resource(self, server: str, uri: str, folders: Sequence[Folder]) -> str:
        """Return the text of a resource; its server is started. Raises LocalqwqError."""
        servers = self._of(folders)
        _started(servers, server).result()
        return servers.read(server, uri).result()

    def prompt(self, called: ServerPrompt, folders: Sequence[Folder]) -> str:
        """Return the text of a prompt; its server is started. Raises LocalqwqError."""
        from localqwq.documents.server_mentions import prompt_arguments

        servers = self._of(folders)
        _started(servers, called.server).result()
        offered = [
            one
            for one in servers.prompts()
            if (one.server, one.name) == (called.server, called.name)
        ]
        if not offered:
            raise LocalqwqError(f"{called.server} has no prompt {called.name!r}.")
        arguments = prompt_arguments(called.words, [one.name for one in offered[0].arguments])
        missing = [
            one.name for one in offered[0].arguments if one.required and one.name not in arguments
        ]
        if missing:
            raise LocalqwqError(
                f"{offered[0].command} needs {', '.join(missing)}: write "
                f"{offered[0].command} {missing[0]}=…"
            )
        messages = servers.prompt(called.server, called.name, arguments).result()
        return "\n\n".join(str(message["content"] or "") for message in messages)

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            known, self._known = self._known, {}
        for servers in known.values():
            servers.close()

    def _of(self, folders: Sequence[Folder]) -> McpServers:
        from localqwq.agent.mcp.files import all_entries
        from localqwq.agent.mcp.servers import McpServers

        key = tuple(folders)
        with self._lock:
            if key not in self._known:
                self._known[key] = McpServers(
                    all_entries(self._files()),
                    key,
                    on_change=self._changed,
                    reserved=BUILTIN,
                )
            return self._known[key]


def _started(servers: McpServers, name: str) -> Future[ServerState]:
    """Start a server, unless it runs. Raises LocalqwqError if it asks for something first."""
    if asks := servers.asks(name):
        raise LocalqwqError(
            f"{name} has to be allowed first: it {asks}. The app asks you in F12 and after "
            f"/tools {name}, and `localqwq mcp test {name}` in a terminal."
        )
    return servers.start(name)
