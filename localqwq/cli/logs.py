"""``localqwq logs``: list the logs, or print the last one."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localqwq.server.supervision.log import LogFile


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "logs",
        help="show the log of the last engine",
        description="Print the log of the last engine. Engines that exit normally remove their "
        "logs, so any log left is from an engine that crashed or is still running.",
    )
    parser.add_argument(
        "--list", action="store_true", help="list the log files instead, newest first"
    )
    parser.add_argument("--json", action="store_true", help="print the list as one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print the last log, or the list."""
    from localqwq.locations import cache_directory
    from localqwq.server.supervision.log import logs_in

    directory = cache_directory()
    found = logs_in(directory)
    if arguments.json:
        print(json.dumps(_document(directory, found), indent=2))
    elif not found:
        print(f"There are no logs in {directory}.", file=sys.stderr)
    elif arguments.list:
        print("\n".join(_lines(found)))
    else:
        print(f"{found[0].path}:", file=sys.stderr)
        print(found[0].path.read_text(encoding="utf-8", errors="replace"), end="")
    return 0


def _document(directory: Path, found: "list[LogFile]") -> dict[str, Any]:
    logs = [
        {"path": str(log.path), "bytes": log.bytes, "modified": round(log.modified)}
        for log in found
    ]
    return {"directory": str(directory), "logs": logs}


def _lines(found: "list[LogFile]") -> Iterator[str]:
    for log in found:
        when = datetime.fromtimestamp(log.modified, UTC).astimezone()
        yield f"{when:%Y-%m-%d %H:%M}  {log.bytes:>9,} bytes  {log.path}"
