"""What the commands that measure a model show while they work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.packs.figures import Figures


def tokens_shown(amount: float) -> str:
    """Return an amount of tokens for a progress bar."""
    return f"{amount:,.0f} tokens"


def chats_shown(amount: float) -> str:
    """Return an amount of conversations for a progress bar."""
    return f"{amount:.3g} chats"


@contextmanager
def resumable() -> Iterator[None]:
    """Say that nothing is lost when the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted: run the same command again to resume", file=sys.stderr)
        raise


def keep(folder: Path, figures: Figures) -> None:
    """Write figures into a pack's manifest, or say on stderr why that is impossible.

    They have been printed, and what took the time is known when the command is run again.
    """
    from localqwq.packs.recording import record

    try:
        record(folder, figures)
    except LocalqwqError as error:
        print(f"The figures are not in the pack: {error}", file=sys.stderr)
