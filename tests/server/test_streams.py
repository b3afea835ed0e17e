"""Streams on which nothing comes for a while."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq.server.http.streams import with_pings

PING = {"type": "ping"}


def test_pings_come_while_nothing_else_does() -> None:
    """Until the next event; an empty batch is none."""

    async def run() -> list[dict[str, Any]]:
        may_go_on = asyncio.Event()

        async def slow() -> AsyncIterator[list[dict[str, Any]]]:
            yield [{"n": 1}]
            yield []
            await may_go_on.wait()
            yield [{"n": 2}]

        found = []
        async for events in with_pings(slow(), lambda: PING, 0.01):
            found += events
            if found.count(PING) == 3:
                may_go_on.set()
        return found

    found = asyncio.run(run())
    assert found[0] == {"n": 1}
    assert found[-1] == {"n": 2}
    assert found[1:-1] == [PING] * (len(found) - 2)
    assert found.count(PING) >= 3


def test_errors_pass_through() -> None:
    """As without pings."""

    async def failing() -> AsyncIterator[list[dict[str, Any]]]:
        yield [{"n": 1}]
        raise LocalqwqError("The engine failed.")

    async def run() -> None:
        async for _ in with_pings(failing(), lambda: PING, 60):
            pass

    with pytest.raises(LocalqwqError, match="The engine failed"):
        asyncio.run(run())
