"""What the commands that measure a model show while they work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
