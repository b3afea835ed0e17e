"""The model argument of a command: positional, or ``-m``."""

import argparse
from collections.abc import Sequence
from typing import Any

from localqwq.cli import help_texts


class _Once(argparse.Action):
    """Stores the model, and rejects a second one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store the value."""
        if values is None:  # the argument is absent
            return
        if getattr(namespace, self.dest, None) not in (None, values):
            first = getattr(namespace, self.dest)
            parser.error(
                f"two models are named, {first} and {values}: name one. To ask a question, "
                f"use `localqwq ask -m {first} …`"
            )
        setattr(namespace, self.dest, values)


def add_model(
    parser: argparse.ArgumentParser,
    *,
    positional: bool = True,
    metavar: str = "MODEL",
    help_text: str = help_texts.MODEL,
) -> None:
    """Add ``-m MODEL``, and a positional ``MODEL`` if the command has no other argument.

    ``metavar`` and ``help_text`` describe it in the help.
    """
    if positional:
        parser.add_argument(
            "model",
            nargs="?",
            metavar=metavar,
            action=_Once,
            help=help_text,
        )
    parser.add_argument(
        "-m",
        "--model",
        metavar="MODEL",
        action=_Once,
        help=f"the same as {metavar}" if positional else help_text,
    )
