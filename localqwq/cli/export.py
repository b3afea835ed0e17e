"""``localqwq export``: export conversations as Markdown or JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "export",
        help="export conversations as Markdown or JSON",
        description="Export a conversation. Markdown has what the app shows; JSON has all "
        "branches, and `localqwq import` reads it. `localqwq conversations` lists the ids.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("id", type=int, nargs="?", metavar="ID", help="id of the conversation")
    which.add_argument("--all", action="store_true", help="export all conversations, oldest first")
    parser.add_argument(
        "--format",
        choices=("markdown", "json"),
        default="markdown",
        help="output format (default: markdown)",
    )
    parser.add_argument("--no-thoughts", action="store_true", help="leave out thoughts")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="file to create (default: stdout)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write conversations to a file or to stdout, one by one."""
    from localqwq.conversations.exports import export, save
    from localqwq.conversations.store import Store
    from localqwq.locations import conversations_file

    with Store(conversations_file()) as store:
        chosen = store.all() if arguments.all else [store.get(arguments.id)]
        pieces = export(chosen, arguments.format, thoughts=not arguments.no_thoughts)
        if arguments.output is None:
            sys.stdout.writelines(pieces)
        else:
            save(arguments.output, pieces)
            print(f"written to {arguments.output}", file=sys.stderr)
    return 0
