"""``localqwq stop``: take models of the running server out of memory."""

import argparse


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "stop",
        help="take a model of the running server out of memory",
        description="Take a model of your running server (`localqwq serve`) out of memory, once it "
        "has answered its requests; the next request loads it again. Without MODEL, do that with "
        "all of them.",
    )
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="its name, as `localqwq ps` lists it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Put them to sleep."""
    from localqwq.cli.ps import NO_SERVER
    from localqwq.client.running_server import RunningServer, is_running
    from localqwq.errors import LocalqwqError
    from localqwq.locations import running_socket

    socket = running_socket()
    if socket is None or not is_running(socket):
        raise LocalqwqError(NO_SERVER)
    with RunningServer(socket) as server:
        held = [one.model for one in server.models() if one.state != "asleep"]
        for wanted in held if arguments.model is None else [arguments.model]:
            name, requests = server.stop(wanted)
            print(told(name, requests) if name in held else f"{name} is not in memory.")
    return 0


def told(name: str, requests: int) -> str:
    """Return a sentence about a model that leaves memory after so many requests."""
    if not requests:
        return f"{name} leaves memory."
    what = "request" if requests == 1 else f"{requests} requests"
    return f"{name} leaves memory after its {what}."
