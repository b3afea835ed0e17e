"""The options of commands that may talk to an endpoint."""

import argparse


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Add ``--endpoint`` and what says more about it."""
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        help="an OpenAI-compatible server: its URL, or its name in the settings",
    )
    parser.add_argument(
        "--opens-thought",
        action=argparse.BooleanOptionalAction,
        help="its answers begin within the thought, without its opening tag (default: seen from "
        "its answers, and remembered)",
    )
