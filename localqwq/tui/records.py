"""The store of conversations in a thread of its own, so that no disk holds up typing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from localqwq.conversations.store import Store

Result = TypeVar("Result")


class Records:
    """One store, opened by the first piece of work; work is done in the order it is given."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._store: Store | None = None

    async def do(self, work: Callable[[Store], Result]) -> Result:
        """The result of `work` on the store; it is completed even if the caller is cancelled."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, self._do, work))

    def _do(self, work: Callable[[Store], Result]) -> Result:
        if self._store is None:
            from localqwq.conversations.store import Store

            self._store = Store(self._path)
        return work(self._store)

    async def close(self) -> None:
        """Closes the store behind all work that was given."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
