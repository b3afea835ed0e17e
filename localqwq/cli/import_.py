"""``localqwq import``: conversations out of a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "import",
        help="add the conversations in a file: ours, ChatGPT's, Claude's, Open WebUI's",
        description="Reads the JSON that `localqwq export` writes, the exports of ChatGPT and "
        "Claude (the zip, or its conversations.json) and Open WebUI's, branches and thoughts "
        "included. Ends with what came in and what was left out, by kind and number. What the app "
        "could not store when it was left, and wrote to a file, is put into its place.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


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
        said = f"{count:,} conversation{'s' if count > 1 else ''} brought up to date"
        print(json.dumps({"brought_up_to_date": count}) if arguments.json else said)
        return 0
    found = read_file(arguments.file)
    with Store(conversations_file()) as store:
        ids = [store.add_imported(imported) for imported in found.conversations]
    if arguments.json:
        print(json.dumps({"conversations": ids} | found.tally.as_json(), indent=2))
        return 0
    for line in (found.tally.came_in(), found.tally.stayed_out()):
        if line:  # names of parts may hold anything
            print("".join(letter if letter.isprintable() else " " for letter in line))
    return 0
