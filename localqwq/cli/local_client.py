"""A client of a local model, in a child process that ends with the command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.client.local_client import LocalClient
    from localqwq.models.launch import Launch

_DEATH_NOTICE = 2.0
"""Seconds to wait for news of an engine crash that would explain a broken connection."""


@asynccontextmanager
async def local_client(launch: Launch, say: Callable[[str], None]) -> AsyncIterator[LocalClient]:
    """Yield a client once the model is loaded, with less if memory runs out.

    ``say`` is called with sentences about problems on the way. Raises ``LocalqwqError`` if the
    model cannot be loaded, or if the engine dies within the block.
    """
    from localqwq.client.errors import EndpointLost
    from localqwq.client.local_client import LocalClient
    from localqwq.server.supervision.own_engine import own_engine
    from localqwq.server.supervision.step_down import start_with_less

    for problem in launch.problems:
        say(problem)
    supervisor = own_engine(launch)
    try:
        engine = await start_with_less(supervisor, say)
        async with LocalClient(engine, supervisor.launch.name) as client:
            yield client
    except EndpointLost as lost:
        try:
            death = await asyncio.wait_for(supervisor.died(), _DEATH_NOTICE)
        except TimeoutError:
            raise lost from None
        raise LocalqwqError(death.sentence) from None
    finally:
        await supervisor.stop()
