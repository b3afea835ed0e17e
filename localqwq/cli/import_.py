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
        "its conversations.json) and Open WebUI's, branches and thoughts included. What the app "
        "could not store when it was left, and wrote to a file, is put into its place.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Read the whole file first, so that a broken one adds nothing."""
    from localqwq.conversations import unsaved
    from localqwq.conversations.imports import read_file
    from localqwq.conversations.store import Store
    from localqwq.locations import conversations_file

    changes = unsaved.read_file(arguments.file)
    if changes is not None:
        with Store(conversations_file()) as store:
            count = unsaved.add(changes, store)
        print(f"{count:,} conversation{'s' if count > 1 else ''} brought up to date")
        return 0
    found = read_file(arguments.file)
    with Store(conversations_file()) as store:
        for imported in found:
            store.add_imported(imported)
    print(f"{len(found):,} conversation{'s' if len(found) > 1 else ''} imported")
    return 0
