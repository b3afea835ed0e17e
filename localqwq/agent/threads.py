"""Blocking work beside an event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


async def in_daemon(work: Callable[[], Result], name: str) -> Result:
    """Return what ``work`` returns in a thread of its own, or raise what it raises.

    The thread is a daemon, unlike those of ``asyncio.to_thread``: work that hangs does not hold up
    the end of the program, and nobody waits for it after a cancellation.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(set_it: Callable[[], None]) -> None:
        if not future.done():
            set_it()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            told = partial(future.set_exception, error)
        else:
            told = partial(future.set_result, result)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, told)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
