"""A soak over several models that sleep after a second: loaded and put away all the time."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import psutil

from bench.soaking import api_bodies, bodies
from bench.soaking.api_scenarios import ask_api
from bench.soaking.bodies import CHAT
from bench.soaking.judge import parsed
from bench.soaking.play import Ledger, Play
from bench.soaking.wire import Reply, Request, Wire
from localqwq.locations import demo_checkpoint
from localqwq_convert.pipeline import convert

MODELS = {"first": "Q8_0", "second": "Q4_K_M", "third": "Q8_0"}
"""Packs of the demo by their names, each with this quantization."""
GROWTH = 16 << 20
"""Bytes by which the server without its engines may grow after the warm-up."""
_CONTEXT = 1024
_CONNECTIONS = 5
_OWN_LOG = 1
"""Descriptors: the server begins a log of its own with its first warning."""
_PAUSE_S = 3.0
"""Longest pause of a client: models fall asleep meanwhile."""
_WARM_UP = 3
"""The part of the requests that is the warm-up: one in so many."""
_POLLS, _POLL_S = 600, 0.1
"""How often, and after how long, it is looked whether all models sleep."""
_END_S = 30.0
_KILLED = (b"The engine was killed", b"The engine stopped while loading")
"""What clients are told whose engine was killed."""


@dataclass(frozen=True, slots=True)
class Size:
    """What the server takes without its engines."""

    resident: int
    """Bytes."""
    descriptors: int
    threads: int


@dataclass(slots=True)
class Outcome:
    """What was found."""

    ledger: Ledger = field(default_factory=Ledger)
    sizes: list[Size] = field(default_factory=list)
    """After the warm-up and at the end, while all models sleep."""
    loads: int = 0
    """Engines that were started."""
    kills: int = 0
    """Engines that were killed from outside."""


def soak_models(
    home: Path, *, requests: int, seed: int, kills: float, on_progress: Callable[[int], None]
) -> Outcome:
    """Serve :data:`MODELS` below ``home`` and make so many requests.

    ``kills``: the probability that an engine is killed after a request.
    """
    for name, quant in MODELS.items():
        convert(demo_checkpoint(), home / "data" / "packs" / name, [quant], name=name)
    with _serving(home) as (process, port):
        run = _Run(psutil.Process(process.pid), port, requests, seed, kills, on_progress)
        asyncio.run(run.all())
        failures = run.outcome.ledger.failures
        children = run.door.children(recursive=True)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            failures.append(f"it did not end within {_END_S:g} s")
        _, left = psutil.wait_procs(children, timeout=_END_S)
        failures += [f"it left the process {child.pid}" for child in left]
    failures += _figures(run.outcome)
    return run.outcome


class _Run:
    def __init__(
        self,
        door: psutil.Process,
        port: int,
        requests: int,
        seed: int,
        kills: float,
        on_progress: Callable[[int], None],
    ) -> None:
        self.door = door
        self.outcome = Outcome()
        self._wire = Wire(port)
        self._requests = requests
        self._random = Random(seed)
        self._seed = seed
        self._kills = kills
        self._on_progress = on_progress
        self._indices = count()
        self._seen: set[int] = set()

    async def all(self) -> None:
        for until in (self._requests // _WARM_UP, self._requests):
            async with asyncio.TaskGroup() as group:
                for _ in range(_CONNECTIONS):
                    group.create_task(self._client(until))
            await self._asleep()
            with self.door.oneshot():
                self.outcome.sizes.append(
                    Size(
                        self.door.memory_info().rss,
                        self.door.num_fds(),
                        self.door.num_threads(),
                    )
                )

    async def _client(self, until: int) -> None:
        ledger = self.outcome.ledger
        while ledger.made < until and self.door.is_running():
            index = next(self._indices)
            random = Random(f"{self._seed}:{index}")
            model = random.choice(sorted(MODELS))
            play = Play(model, index, random, self._wire, Ledger(), _CONTEXT)
            try:
                reply = await self._ask(play, model)
                if self._kills and any(mark in reply.body for mark in _KILLED):
                    play.ledger.failures.clear()
            except OSError as error:
                play.wrong(f"no connection: {error}")
            except (KeyError, IndexError, TypeError, ValueError) as error:
                play.wrong(f"a reply that cannot be read: {error!r}")
            ledger.requests += play.ledger.requests
            ledger.ends += play.ledger.ends
            ledger.failures += play.ledger.failures
            self._on_progress(ledger.made)
            self._look()
            if random.random() < 0.3:
                await asyncio.sleep(random.random() * _PAUSE_S)

    async def _ask(self, play: Play, model: str) -> Reply:
        random = play.random
        target = random.choice((CHAT, *api_bodies.TARGETS))
        statuses = frozenset({200, 400, 503} if self._kills else {200, 400})
        if target == CHAT:
            body = bodies.chat(random) | {"model": model, "stream": False, "max_tokens": 24}
            return await play.complete(CHAT, body, statuses)
        body = api_bodies.any_body(random, target) | {"model": model}
        return await ask_api(play, target, body, statuses)

    def _look(self) -> None:
        """Count the engines that were started, and kill one now and then."""
        engines = []
        for child in self.door.children():
            with contextlib.suppress(psutil.Error):
                if "localqwq.server.engine" in child.cmdline():
                    engines.append(child)
        new = {child.pid for child in engines} - self._seen
        self._seen |= new
        self.outcome.loads += len(new)
        if engines and self._random.random() < self._kills:
            self._random.choice(engines).kill()
            self.outcome.kills += 1

    async def _asleep(self) -> None:
        """Wait until no model is in memory."""
        for _ in range(_POLLS):
            reply = await self._wire.exchange(Request("GET", "/api/ps"))
            if parsed(reply.body) == {"models": []} and not self.door.children():
                return
            await asyncio.sleep(_POLL_S)
        self.outcome.ledger.failures.append("models stay in memory")


def _figures(outcome: Outcome) -> Iterator[str]:
    if len(outcome.sizes) < 2:
        yield "the server died"
        return
    warm, end = outcome.sizes
    if end.resident - warm.resident > GROWTH:
        yield f"it grew by {(end.resident - warm.resident) >> 20} MiB"
    if end.descriptors > warm.descriptors + _OWN_LOG:
        yield f"it had {warm.descriptors} descriptors and has {end.descriptors}"


@contextmanager
def _serving(home: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Serve every installed model, and yield the process and its port."""
    folders = {f"LOCALQWQ_{kind}_DIR": str(home / kind.lower()) for kind in ("DATA", "CACHE")}
    command = [sys.executable, "-m", "localqwq", "serve", "--port", "0"]
    command += ["--idle", "1s", "--ctx", str(_CONTEXT)]
    with (
        (home / "stderr.log").open("wb") as errors,
        subprocess.Popen(
            command,
            env={**os.environ, **folders, "LOCALQWQ_CONFIG_DIR": str(home / "config")},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith("listening on "))
            yield process, int(line.rpartition(":")[2])
        finally:
            process.kill()
