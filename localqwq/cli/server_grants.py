"""Asking the person at the terminal for what an MCP server asks for, before it is started."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.visible import one_line

if TYPE_CHECKING:
    from localqwq.agent.mcp.servers import McpServers


def allowed(servers: McpServers, name: str, *, yes: bool = False) -> None:
    """Have what a server asks for allowed. Raises :class:`LocalqwqError` if it is not."""
    asks = servers.asks(name)
    if not asks:
        return
    if yes:
        servers.grant(name, always=False)
        return
    words = f"{one_line(name)} {one_line(asks)}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise LocalqwqError(
            f"{words} That is not allowed yet: run `localqwq mcp test {shlex.quote(name)}` in a "
            "terminal, where you are asked."
        )
    print(f"{words}\nAllow that? y: once, a: always; anything else: no. ", end="", file=sys.stderr)
    sys.stderr.flush()
    match sys.stdin.readline().strip().lower():
        case "y" | "yes":
            servers.grant(name, always=False)
        case "a" | "always":
            servers.grant(name)
        case _:
            raise LocalqwqError(f"{name} was not allowed, so it is not started.")
