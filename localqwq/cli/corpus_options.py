"""The command-line options for what a model is calibrated or measured on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli import argument_types as types
from localqwq.locations import expanded

if TYPE_CHECKING:
    from localqwq.quality.corpus import Source


def add_corpus_options(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the options; ``purpose`` is a verb such as ``measure``."""
    parser.add_argument("--text", metavar="FILE", type=Path, help=f"{purpose} on this UTF-8 text")
    parser.add_argument(
        "--chat",
        metavar="FILE",
        type=Path,
        help=f"{purpose} on these conversations, written by the model's chat template: JSON or "
        "JSON lines with messages, or what `localqwq export` writes. One in ten is held out: "
        "`imatrix` skips it, and `quality` measures only those",
    )
    parser.add_argument(
        "--own-thoughts",
        metavar="N",
        type=types.whole(1, 100_000),
        help=f"{purpose} on N conversations that the model has with itself, sampled as its makers "
        "recommend",
    )
    parser.add_argument(
        "--tokens", metavar="N", type=types.whole(1), help="use at most N tokens (default: all)"
    )


def sources(arguments: argparse.Namespace, thoughts: int) -> list[Source]:
    """Return what the options name; ``thoughts``: conversations if they name nothing."""
    from localqwq.quality.corpus import Source

    limit, count = arguments.tokens, arguments.own_thoughts
    found = []
    if arguments.text is not None:
        found.append(Source("text", expanded(arguments.text), limit=limit))
    if arguments.chat is not None:
        found.append(Source("chats", expanded(arguments.chat), limit=limit))
    if count is not None or not found:
        found.append(Source("thoughts", count=count or thoughts, limit=limit))
    return found
