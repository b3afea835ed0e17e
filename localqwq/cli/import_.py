"""``localqwq import``: import conversations from a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from localqwq.cli import help_texts


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "import",
        help="import conversations from localqwq, ChatGPT, Claude or Open WebUI",
        description="Import the JSON that `localqwq export` writes, the exports of ChatGPT and "
        "Claude (the zip, or the conversations.json in it) or those of Open WebUI, with branches "
        "and thoughts, and report what was imported and what was left out. Also reads the file "
        "that the app writes on exit when it cannot save to its own store.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the exported file")
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)


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
        said = f"{count:,} conversation{'s' if count > 1 else ''} updated"
        print(json.dumps({"brought_up_to_date": count}) if arguments.json else said)
        return 0
    found = read_file(arguments.file)
    with Store(conversations_file()) as store:
        ids = [store.add_imported(imported) for imported in found.conversations]
    if arguments.json:
        print(json.dumps({"conversations": ids} | found.tally.as_json(), indent=2))
        return 0
    for line in (found.tally.came_in(), found.tally.stayed_out()):
        if line:  # names of parts may contain anything
            print("".join(letter if letter.isprintable() else " " for letter in line))
    return 0
