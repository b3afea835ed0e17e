"""The option of commands that load a model."""

import argparse


def add_chat_template(parser: argparse.ArgumentParser) -> None:
    """Add ``--chat-template``."""
    parser.add_argument(
        "--chat-template",
        metavar="FILE|NAME",
        help="chat template to use instead of the model's own: a file, or the name of a model in "
        "the catalogue",
    )
