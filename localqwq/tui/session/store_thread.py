"""The store of conversations in its own thread, so that no disk delays typing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from localqwq.conversations.buffered import BufferedStore

Result = TypeVar("Result")

RETRY_SECONDS = 1.0
"""Seconds between two attempts to write what could not be written."""


class StoreThread:
    """One store, opened by the first piece of work; work is done in order."""

    def __init__(self, path: Path, told: Callable[[str], object] = lambda _: None) -> None:
        """Set up; ``told`` is called with a sentence when something cannot be written, and an empty
        one when everything is.
        """
        self._path = path
        self._told = told
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._store: BufferedStore | None = None
        self._trouble = ""
        self._retrying: asyncio.Task[None] | None = None

    async def do(self, work: Callable[[BufferedStore], Result]) -> Result:
        """Return the result of ``work`` on the store; it is completed even if the caller is
        cancelled.
        """
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, self._do, loop, work))

    def _do(
        self, loop: asyncio.AbstractEventLoop, work: Callable[[BufferedStore], Result]
    ) -> Result:
        if self._store is None:
            from localqwq.conversations.buffered import BufferedStore

            self._store = BufferedStore(self._path)
        try:
            return work(self._store)
        finally:
            if self._store.trouble != self._trouble:
                self._trouble = self._store.trouble
                loop.call_soon_threadsafe(self._tell, self._trouble)

    async def close(self) -> str:
        """Close the store after all pending work.

        Returns a sentence about what could not be stored; empty if everything was.
        """
        if self._retrying is not None:
            self._retrying.cancel()
        left = await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)
        return left

    def _close(self) -> str:
        if self._store is None:
            return ""
        store, self._store = self._store, None
        return store.close()

    def _tell(self, sentence: str) -> None:
        self._told(sentence)
        if sentence and (self._retrying is None or self._retrying.done()):
            self._retrying = asyncio.create_task(self._retry())

    async def _retry(self) -> None:
        while self._trouble:
            await asyncio.sleep(RETRY_SECONDS)
            await self.do(lambda store: store.retry())
