"""``localqwq ps``: the models of the server that is running."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localqwq.client.running_server import ServedModel

NO_SERVER = "No server of yours is running; `localqwq serve` starts one."


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "ps",
        help="list the models of the running server",
        description="List the models of your running server (`localqwq serve`): which are in "
        "memory, how much memory they take, and how long they have been idle.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    from localqwq.client.running_server import RunningServer, is_running
    from localqwq.locations import running_socket

    socket = running_socket()
    models: list[ServedModel] = []
    if socket is not None and is_running(socket):
        with RunningServer(socket) as server:
            models = server.models()
    else:
        print(NO_SERVER, file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(model) for model in models], indent=2))
    elif models:
        print("\n".join(_lines(models)))
    return 0


def _lines(models: "Sequence[ServedModel]") -> Iterator[str]:
    from localqwq.cli.models_list import table

    return table([("model", "state", "memory", "context", "idle", "requests"), *map(_row, models)])


def _row(model: "ServedModel") -> tuple[str, ...]:
    from localqwq.durations import readable_duration
    from localqwq.sizes import readable_size

    if model.state == "asleep":
        return (model.model, model.state, "", "", "", "")
    return (
        model.model,
        model.state,
        readable_size(model.bytes or 0),
        f"{model.context:,}" if model.context else "",
        "" if model.idle_s is None else readable_duration(model.idle_s),
        str(model.requests),
    )
