"""One scenario on its way: what it asks, what it counts, and what it finds wrong."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.soaking.bodies import Json
from bench.soaking.judge import answered, judged
from bench.soaking.wire import NOTHING, POLITE, Manner, OnBody, Reply, Request, Wire, post

_SHOWN = 400
"""Characters of a request that a failure shows."""


@dataclass(slots=True)
class Ledger:
    """What has been asked, and what was wrong."""

    requests: Counter[str] = field(default_factory=Counter)
    """By kind."""
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and by status, ``left`` where the client went away, ``cut`` where the server did."""
    failures: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    """Other figures."""
    deviation: float = 0.0
    """Greatest distance of a prompt's log probabilities from the same alone, in the mean."""
    rush: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while there is one: who began something then would only be told to come again."""

    @property
    def made(self) -> int:
        """Requests of all kinds."""
        return self.requests.total()


@dataclass(slots=True)
class Play:
    """One scenario, with random numbers of its own: it asks the same in every run of its index."""

    kind: str
    index: int
    random: Random
    wire: Wire
    ledger: Ledger
    context: int
    """Most tokens that the server's context can have."""

    async def ask(
        self,
        request: Request,
        statuses: frozenset[int],
        *,
        manner: Manner = POLITE,
        form: bool = True,
        on_body: OnBody | None = None,
    ) -> Reply:
        """Send one request, and judge the reply by what every reply has to be."""
        self.ledger.requests[self.kind] += 1
        try:
            reply = await self.wire.exchange(request, manner, on_body)
        except TimeoutError:
            self.wrong("it got no reply in time", request.body)
            return NOTHING
        self.count(reply, manner)
        if not manner.leaves:
            for problem in judged(reply, statuses, form=form):
                self.wrong(problem, request.body)
        return reply

    async def complete(
        self,
        target: str,
        body: Json,
        statuses: frozenset[int] = frozenset({200, 400}),
        *,
        manner: Manner = POLITE,
        on_body: OnBody | None = None,
    ) -> Reply:
        """Ask for a completion, and judge it if there is one."""
        if manner.half_close:
            statuses |= {0}
        request = post(target, body)
        reply = await self.ask(request, statuses, manner=manner, on_body=on_body)
        if reply.complete and reply.status == 200:
            for problem in answered(body, reply, self.context):
                self.wrong(problem, request.body)
        return reply

    def wrong(self, problem: str, asked: Any = b"") -> None:
        """Note what is wrong."""
        data = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        shown = data[:_SHOWN].decode("latin-1")
        self.ledger.failures.append(f"{self.kind} #{self.index}: {problem}; asked: {shown}")

    def count(self, reply: Reply, manner: Manner) -> None:
        """Count how an exchange ended."""
        end = str(reply.status) if reply.complete else "left" if manner.leaves else "cut"
        self.ledger.ends[self.kind, end] += 1
