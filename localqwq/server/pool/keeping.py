"""Loading a model and keeping it loaded: once, or again after each end of its engine."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from localqwq.errors import LocalqwqError
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.pool import Pool
from localqwq.server.supervision.deaths import Death, LoadFailed
from localqwq.server.supervision.restarts import TOO_OFTEN, Restarts
from localqwq.server.supervision.revival import revival
from localqwq.server.supervision.step_down import lesser, start_with_less
from localqwq.server.supervision.waiting import waiting_engine


class EngineDied(LocalqwqError):
    """The engine of a server ended by itself."""

    def __init__(self, death: Death) -> None:
        super().__init__(death.sentence)
        self.death = death


@asynccontextmanager
async def _loading(pool: Pool) -> AsyncIterator[None]:
    """Let nobody else load; a process that was started ahead and not taken ends with the block."""
    async with pool.moving():
        try:
            yield
        finally:
            await asyncio.to_thread(waiting_engine.end)


async def keep_once(held: HeldModel, pool: Pool) -> None:
    """Load a model; raises :class:`EngineDied` at the end of its engine."""
    async with _loading(pool):
        supervisor = pool.supervise(held, await pool.admit(held))
        pool.let_in(held, await supervisor.start(held.progressed))
    raise EngineDied(await supervisor.died())


async def keep_revived(held: HeldModel, pool: Pool) -> None:
    """Load a model, and load it again after each end of its engine, with less if memory ran out.

    What happens is told on stderr. Raises ``LocalqwqError`` if it cannot be loaded, or its engine
    dies too often.
    """
    restarts = Restarts()
    death: Death | None = None
    async with _loading(pool):
        supervisor = pool.supervise(held, await pool.admit(held))
        try:
            pool.let_in(held, await start_with_less(supervisor, say, held.progressed))
        except LoadFailed as failure:
            death = failure.death
            if death is None or pool.has_one:  # whoever starts a server of one wants to know
                raise
    while True:
        if death is None:
            restarts.answering()
            death = await supervisor.died()
        await _revive(held, pool, restarts, death)
        death = None
        say("The engine answers again.")


async def _revive(held: HeldModel, pool: Pool, restarts: Restarts, death: Death) -> None:
    """Restart the engine until it is ready; raises ``LocalqwqError`` when that is pointless."""
    supervisor = held.supervisor
    assert supervisor is not None, "it had an engine"

    async def take_less(death: Death) -> str | None:
        less = await asyncio.to_thread(lesser, supervisor.launch, death)
        if less is None:
            return None
        supervisor.launch = less.launch
        return less.change

    while True:
        held.shut()
        again = await revival(restarts, death, take_less)
        if again is None:
            what = "the server ends" if pool.has_one else f"{held.name} is not started again"
            raise LocalqwqError(f"{death.sentence} {TOO_OFTEN}, so {what}.")
        say(again.sentence)
        await asyncio.sleep(again.wait)
        try:
            async with pool.moving():
                pool.let_in(held, await supervisor.restart(held.progressed))
        except LoadFailed as failure:
            if failure.death is None:
                raise
            death = failure.death
        else:
            return


def say(sentence: str) -> None:
    """Tell the terminal."""
    print(sentence, file=sys.stderr, flush=True)
