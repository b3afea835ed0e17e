"""Options of commands that can use an endpoint."""

import argparse

from localqwq.cli import help_texts


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Add ``--endpoint`` and related options."""
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        help=help_texts.ENDPOINT,
    )
    parser.add_argument(
        "--opens-thought",
        action=argparse.BooleanOptionalAction,
        help="the server's answers start inside the thought, without an opening <think> tag "
        "(default: detected from its answers and remembered)",
    )
