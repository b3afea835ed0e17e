"""The options for tools that a model may call."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from localqwq.agent.mcp.entries import server_of
from localqwq.agent.names import BUILTIN, unknown_tool


def add_tools(parser: argparse.ArgumentParser) -> None:
    """Add ``--tools`` and ``--yes-to``."""
    parser.add_argument(
        "--tools",
        action="extend",
        type=_names,
        default=[],
        metavar="NAME[,NAME]",
        help=f"tools that the model may call: {', '.join(BUILTIN)}; or an MCP server, or one of "
        "its tools",
    )
    parser.add_argument(
        "--yes-to",
        action="extend",
        type=_names,
        default=[],
        metavar="TOOL[,TOOL]",
        help="tools that may be called without asking you; without a terminal, other calls that "
        "need permission are denied",
    )

    parser.add_argument(
        "--folder",
        dest="folders",
        action="append",
        default=[],
        metavar="PATH[:rw]",
        help="a folder that tools may read, and with :rw also write",
    )


def wrong_tools(
    tools: Sequence[str],
    yes_to: Sequence[str],
    folders: Sequence[str],
    samples: int,
    servers: Sequence[str] = (),
) -> str:
    """Return what is wrong with the options, in one sentence; empty if nothing is.

    ``servers``: the names of MCP servers.
    """
    for name in (*tools, *yes_to):
        if name not in BUILTIN and not server_of(name, servers):
            return unknown_tool(name, servers)
    if unused := [name for name in yes_to if not _is_named(name, tools, servers)]:
        return f"--yes-to {unused[0]} needs --tools {unused[0]}."
    if folders and not tools:
        return "--folder needs --tools: without tools, attach files by @ in the prompt."
    if tools and samples > 1:
        return "--tools and --samples cannot be combined."
    return ""


def _is_named(name: str, tools: Sequence[str], servers: Sequence[str]) -> bool:
    """Return whether a tool, or its server, is among ``tools``; or one of a server's tools is."""
    if name in tools:
        return True
    owner = server_of(name, servers)
    return bool(owner) and any(server_of(tool, servers) == owner for tool in tools)


def _names(text: str) -> list[str]:
    """Return the names in a list with commas; one without a name is more likely a mistake, such as
    an unset variable, than a wish for no tools.
    """
    names = [name for part in text.split(",") if (name := part.strip())]
    if not names:
        raise argparse.ArgumentTypeError("it names no tool: leave it out to go without")
    return names
