"""The options for tools that a model may call."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from localqwq.errors import LocalqwqError


def add_tools(parser: argparse.ArgumentParser) -> None:
    """Add ``--tools`` and ``--yes-to``."""
    parser.add_argument(
        "--tools",
        action="extend",
        type=_names,
        default=[],
        metavar="NAME[,NAME]",
        help="tools that the model may call: calculator, time",
    )
    parser.add_argument(
        "--yes-to",
        action="append",
        default=[],
        metavar="TOOL",
        help="a tool that may be called without asking; without a terminal, calls that need "
        "permission are denied otherwise",
    )


def wrong_tools(tools: Sequence[str], yes_to: Sequence[str], samples: int) -> str:
    """Return what is wrong with the options, in one sentence; empty if nothing is."""
    if unused := [name for name in yes_to if name not in tools]:
        return f"--yes-to {unused[0]} needs --tools {unused[0]}."
    if not tools:
        return ""
    if samples > 1:
        return "--tools and --samples cannot be combined."
    from localqwq.agent.builtin import builtin_tools

    try:
        builtin_tools(tools)
    except LocalqwqError as error:
        return str(error)
    return ""


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]
