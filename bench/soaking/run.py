"""A soak from the server's start to its end."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic

from bench.soaking.child import Footprint, Server, serving, stored_bytes
from bench.soaking.metrics import unfinished
from bench.soaking.play import Ledger, Play
from bench.soaking.references import References, references
from bench.soaking.scenarios import scenario
from bench.soaking.wire import Wire

CONTEXT = 1024
"""Tokens: a few requests fill it."""
LONGEST = 2048
"""Tokens that it may grow to, as many as the demo takes."""
PARALLEL = 4
GROWTH = 48 << 20
"""Bytes by which the server may grow after the warm-up, beside the states that it keeps."""
_WARM_UP = 3
"""The part of the requests that is the warm-up: one in so many."""
_CONNECTIONS = 12
"""Scenarios at once."""
_FEWEST_SUMS = 4
_POOL = min(32, (os.cpu_count() or 1) + 4)
"""Threads that asyncio may start for work that blocks, one when it needs it and has none idle."""
_POLLS, _POLL_S = 600, 0.1
"""How often, and after how long, the server is asked whether everything has ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a soak has found."""

    ledger: Ledger
    warm: Footprint
    """After the warm-up."""
    end: Footprint
    states: int
    """Bytes of the states that were kept after the warm-up, as far as is known: as many per request
    as in the whole soak, which is told by the files that are written at its end."""
    references: References
    seconds: float

    @property
    def growth(self) -> int:
        """Bytes since the warm-up, without the states."""
        return self.end.resident - self.warm.resident - self.states


def soak(
    model: Path,
    *,
    requests: int,
    seed: int,
    candidates: int,
    on_progress: Callable[[int], None],
    apis: bool = False,
) -> Outcome:
    """Serve ``model`` and make so many random requests, the first third of them as a warm-up.

    ``candidates``: sums that are tried as references. ``on_progress`` is told how many requests
    were made; ``apis``: they are of all APIs. What is wrong is in the outcome's ledger.
    """
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with serving(model, directory, CONTEXT, LONGEST, PARALLEL) as server:
            run = _Run(server, requests, seed, on_progress, apis=apis)
            outcome = asyncio.run(run.all(candidates))
            failures = outcome.ledger.failures
            if server.alive:
                failures += server.end()
            else:
                failures.append("the server died")
            if said := server.said():
                failures.append(f"the server says: {said[-4000:]}")
        stored = stored_bytes(directory)
    outcome = replace(outcome, states=stored * (_WARM_UP - 1) // _WARM_UP)
    outcome.ledger.failures += _figures(outcome)
    return outcome


class _Run:
    def __init__(
        self,
        server: Server,
        requests: int,
        seed: int,
        on_progress: Callable[[int], None],
        *,
        apis: bool,
    ) -> None:
        self._apis = apis
        self._server = server
        self._requests = requests
        self._seed = seed
        self._on_progress = on_progress
        self._wire = Wire(server.port)
        self._ledger = Ledger()
        self._indices = count()

    async def all(self, candidates: int) -> Outcome:
        began = monotonic()
        found = await references(self._wire, Random(self._seed), candidates)
        if len(found.sums) < _FEWEST_SUMS:
            self._ledger.failures.append(f"only {len(found.sums)} sums are stable")
        warm = end = await self._rest(found, self._requests // _WARM_UP)
        if self._server.alive:
            end = await self._rest(found, self._requests)
        if self._server.alive:
            self._ledger.failures += await found.still_hold(self._wire)
        return Outcome(self._ledger, warm, end, 0, found, monotonic() - began)

    async def _rest(self, found: References, until: int) -> Footprint:
        """Make requests until there were so many; what the server takes when they have ended."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_CONNECTIONS):
                group.create_task(self._player(found, until))
        if not self._server.alive:
            return Footprint(0, 0, 0, 0)
        self._ledger.failures += await self._quiet()
        return self._server.footprint()

    async def _player(self, found: References, until: int) -> None:
        while self._ledger.made < until and self._server.alive:
            async with self._ledger.rush:
                index = next(self._indices)
            random = Random(f"{self._seed}:{index}")
            kind, act = scenario(index, random, apis=self._apis)
            play = Play(kind, index, random, self._wire, self._ledger, LONGEST)
            try:
                await act(play, found)
            except OSError as error:
                play.wrong(f"no connection: {error}")
            except (KeyError, IndexError, TypeError, ValueError) as error:
                play.wrong(f"a reply that cannot be read: {error!r}")
            self._on_progress(self._ledger.made)

    async def _quiet(self) -> list[str]:
        """Wait until nothing runs or waits, which a client that went away need not do."""
        for _ in range(_POLLS):
            if not (left := await unfinished(self._wire)):
                return []
            await asyncio.sleep(_POLL_S)
        return [f"{left} requests never end"]


def _figures(outcome: Outcome) -> Iterator[str]:
    """What is wrong with an outcome's figures."""
    warm, end = outcome.warm, outcome.end
    if outcome.growth > GROWTH:
        yield f"it grew by {outcome.growth >> 20} MiB beside {outcome.states >> 20} MiB of states"
    for name, slack in (("threads", _POOL), ("descriptors", 0), ("children", 0)):
        before, after = getattr(warm, name), getattr(end, name)
        if after > before + slack:
            yield f"it had {before} {name} after the warm-up and has {after} at the end"
