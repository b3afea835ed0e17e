"""The engine's process, started while it is still found out what it is to load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localqwq.models.launch import Launch


@contextmanager
def engine_ahead() -> Iterator[None]:
    """Have an engine's process wait for the model that is loaded first within the block.

    It ends with the block if nothing was loaded.
    """
    from localqwq.server.supervision.waiting import waiting_engine

    waiting_engine.begin()
    try:
        yield
    finally:
        waiting_engine.end()


def load_ahead(launch: Launch, queue: int | None = None) -> None:
    """Let that process load a model while the rest of this one is prepared.

    ``queue``: generations that may wait for a slot; None for the usual number.
    """
    from localqwq.server.engine.messages import MAX_WAITING, Load
    from localqwq.server.supervision.waiting import waiting_engine

    waiting_engine.load(Load(launch.engine_load, MAX_WAITING if queue is None else queue))
