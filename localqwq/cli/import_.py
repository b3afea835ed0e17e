"""``localqwq import``: conversations out of a file."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "import",
        help="add the conversations in a file: ours, ChatGPT's, Open WebUI's",
        description="Reads the JSON that `localqwq export` writes, ChatGPT's export (its zip or "
        "its conversations.json) and Open WebUI's, branches and thoughts included.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Read the whole file first, so that a broken one adds nothing."""
    from localqwq.conversations.imports import read_file
    from localqwq.conversations.store import Store
    from localqwq.locations import conversations_file

    found = read_file(arguments.file)
    with Store(conversations_file()) as store:
        for imported in found:
            store.add_imported(imported)
    print(f"{len(found):,} conversation{'s' if len(found) > 1 else ''} imported")
    return 0
