"""The options for tools that a model may call."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from localqwq.agent.names import BUILTIN, unknown_tool


def add_tools(parser: argparse.ArgumentParser) -> None:
    """Add ``--tools`` and ``--yes-to``."""
    parser.add_argument(
        "--tools",
        action="extend",
        type=_names,
        default=[],
        metavar="NAME[,NAME]",
        help=f"tools that the model may call: {', '.join(BUILTIN)}",
    )
    parser.add_argument(
        "--yes-to",
        action="append",
        default=[],
        metavar="TOOL",
        help="a tool that may be called without asking; without a terminal, calls that need "
        "permission are denied otherwise",
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
    tools: Sequence[str], yes_to: Sequence[str], folders: Sequence[str], samples: int
) -> str:
    """Return what is wrong with the options, in one sentence; empty if nothing is."""
    if unused := [name for name in yes_to if name not in tools]:
        return f"--yes-to {unused[0]} needs --tools {unused[0]}."
    if folders and not tools:
        return "--folder needs --tools: without tools, attach files by @ in the prompt."
    if tools and samples > 1:
        return "--tools and --samples cannot be combined."
    return next((unknown_tool(name) for name in tools if name not in BUILTIN), "")


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]
