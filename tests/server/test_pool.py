"""The models of one server with real engines: who is loaded, who sleeps, and who waits."""

import asyncio
import math
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from localqwq.engine.load_options import LoadOptions
from localqwq.engine.request import GenerationRequest
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.gguf.sampling import Sampling
from localqwq.models.beside import Held, growing, is_as_good, leaving
from localqwq.models.launch import Launch
from localqwq.models.outlook import Outlook
from localqwq.planning.memory import MIB
from localqwq.planning.plan import Plan, plan
from localqwq.reasoning.events import Finish
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.app import create_app
from localqwq.server.http.counts import Counts
from localqwq.server.http.errors import EngineLost, InvalidRequestError, UnavailableError
from localqwq.server.pool.keeping import keep_revived
from localqwq.server.pool.pool import Pool
from localqwq.server.pool.source import Growth, Listed, Room
from localqwq.server.supervision.engine_child import EngineChild
from localqwq.server.supervision.supervisor import Supervisor
from localqwq.server.supervision.watched import Relay
from tests.child_processes import children_with
from tests.machines import machine

Other = TypeVar("Other")
CONTEXT = 1024
ASKED = GenerationRequest(
    [{"role": "user", "content": "How many r's are in strawberry? " * 20}],
    sampling=Sampling(temperature=0),
    max_tokens=40,
)


class Copies:
    """The demo under several names, on a machine that has room for two of them."""

    has_one = False

    def __init__(self, model: Path, states: Path | None = None) -> None:
        self.names = ["one", "two", "three"]
        self.pinned: set[str] = set()
        self.impossible: set[str] = set()
        """Those that cannot be loaded, whatever leaves memory."""
        self.states = states
        self._model = model
        self._facts = read_facts(model)
        self._ram = MIB
        while not is_as_good(self._beside(1), self._beside(0)):
            self._ram += MIB
        assert not is_as_good(self._beside(2), self._beside(0))

    def _beside(self, count: int) -> Plan:
        """The plan beside so many copies."""
        alone = self._planned(Outlook(machine(self._ram)))
        return leaving(Outlook(machine(self._ram)), self._planned, [Held(alone, 0)] * count, [])[2]

    def _planned(self, outlook: Outlook) -> Plan:
        return plan(self._facts, outlook.machine, context=CONTEXT)

    def find(self, wanted: str | None) -> str:
        """The name itself."""
        return wanted or self.names[0]

    def named(self, wanted: str) -> str:
        """The name itself."""
        return wanted

    def listed(self) -> Sequence[Listed]:
        """Three of them."""
        return [Listed(name) for name in self.names]

    def room(
        self, name: str, staying: Sequence[Held], idle: Sequence[tuple[Other, Held]]
    ) -> Room[Other]:
        """By the planner; what an engine has already taken is not free on this machine."""
        if name in self.impossible:
            raise LocalqwqError("There is no such context.")
        here, staying, idle = self._now(staying, idle)
        out, _, found = leaving(here, self._planned, staying, idle)
        if not is_as_good(found, self._beside(0)):
            raise LocalqwqError("There is too little memory for another one.")
        load = LoadOptions(context=CONTEXT, threads=1)
        launch = Launch(
            self._model, name, load, states=self.states, plan=found, machine=here.machine
        )
        return Room(launch, out)

    def growth(
        self,
        launch: Launch,
        own: Held,
        needed: int,
        staying: Sequence[Held],
        idle: Sequence[tuple[Other, Held]],
    ) -> Growth[Other]:
        """By the planner."""
        own = self._counted(own)
        here, staying, idle = self._now(staying, idle, own)
        out, longest = growing(here, own, launch.constraints, needed, staying, idle)
        return Growth(longest, out)

    def _now(
        self, staying: Sequence[Held], idle: Sequence[tuple[Other, Held]], *own: Held
    ) -> tuple[Outlook, list[Held], list[tuple[Other, Held]]]:
        """The machine with what all of them have taken, and what they have."""
        idle = [(other, self._counted(held)) for other, held in idle]
        staying = [self._counted(held) for held in staying]
        taken = sum(held.resident for held in [*own, *staying, *(held for _, held in idle)])
        here = replace(machine(self._ram), ram_available=self._ram - taken)
        return Outlook(here), staying, idle

    @staticmethod
    def _counted(held: Held) -> Held:
        """Without what Python takes, which is more than so small a model."""
        return replace(held, resident=min(held.resident, held.plan.host.used))

    def is_current(self, name: str) -> bool:
        """It is."""
        return True

    def is_pinned(self, name: str) -> bool:
        """As the test says."""
        return name in self.pinned


@asynccontextmanager
async def pooled(
    source: Copies, idle: float = math.inf, on_spawn: Callable[[int], None] = lambda _: None
) -> AsyncIterator[Pool]:
    """A pool of these; nothing of it is left in the end."""

    async def spawn(launch: Launch) -> EngineChild:
        child = await EngineChild.spawn(launch, 4, lambda _: Relay(), Counts())
        on_spawn(child.pid)
        return child

    pool = Pool(source, lambda launch: Supervisor(launch, spawn), keep_revived, idle)
    try:
        yield pool
    finally:
        pool.refuse(UnavailableError("The test is over."))
        await pool.close()
        assert not children_with("engine")


async def answer(engine: RemoteEngine) -> Finish:
    """One answer, as far as its end."""
    channel = await engine.open([ASKED])
    batches = [batch async for _, batch in channel.batches()]
    last = batches[-1][-1]
    assert isinstance(last, Finish)
    return last


async def ask(pool: Pool, name: str, keep_alive: float | None = None) -> Finish:
    """Ask a model, which is loaded if need be."""
    async with pool.using(await pool.find(name), keep_alive) as engine:
        return await answer(engine)


def states(pool: Pool) -> dict[str, str]:
    """Of all models that were asked for."""
    return {held.name: held.state for held in pool.known}


async def slept(pool: Pool, name: str) -> None:
    """Wait until a model sleeps."""
    held = await pool.find(name)
    async with asyncio.timeout(30):
        await held.until(lambda: held.state == "asleep")


async def test_the_one_that_was_used_longest_ago_makes_room(demo_gguf: Path) -> None:
    """Two are in memory at once; a third one takes the place of the right one, if it may."""
    source = Copies(demo_gguf)
    async with pooled(source) as pool:
        await ask(pool, "one")
        await ask(pool, "two")
        assert states(pool) == {"one": "ready", "two": "ready"}
        await ask(pool, "one")
        await ask(pool, "three")
        assert states(pool) == {"one": "ready", "two": "asleep", "three": "ready"}
        source.pinned = {"one"}
        await ask(pool, "two")
        assert states(pool) == {"one": "ready", "two": "ready", "three": "asleep"}
        source.pinned = {"one", "two"}
        with pytest.raises(UnavailableError, match="too little memory"):
            await ask(pool, "three")


async def test_who_is_used_is_waited_for(demo_gguf: Path) -> None:
    """And who asks for it meanwhile waits as well, until it is loaded again; nobody fails."""
    async with pooled(Copies(demo_gguf)) as pool:
        one, two = await pool.find("one"), await pool.find("two")
        async with pool.using(one), pool.using(two):  # one began first, so it is waited for
            third = asyncio.create_task(ask(pool, "three"))
            await one.until(lambda: one.is_leaving)
            again = asyncio.create_task(ask(pool, "one"))
        assert (await third).usage.completion_tokens
        assert (await again).usage.completion_tokens


async def test_nobody_is_waited_for_in_vain(demo_gguf: Path) -> None:
    """What cannot be loaded is refused at once, although another model answers."""
    source = Copies(demo_gguf)
    source.impossible = {"three"}
    async with pooled(source) as pool:
        one = await pool.find("one")
        async with pool.using(one), asyncio.timeout(30):
            with pytest.raises(UnavailableError, match="no such context"):
                await ask(pool, "three")
            assert one.is_ready


async def test_a_context_grows_at_the_cost_of_an_idle_model(demo_gguf: Path) -> None:
    """Never of one that is used; afterwards, the others know how far they may grow."""
    longer = replace(ASKED, messages=[{"role": "user", "content": "strawberry " * 200}])
    async with pooled(Copies(demo_gguf)) as pool:
        one, two = await pool.find("one"), await pool.find("two")
        await ask(pool, "one")
        async with pool.using(two):
            async with pool.using(one) as engine:
                with pytest.raises(InvalidRequestError) as caught:
                    await engine.open([longer])
            assert caught.value.tokens is not None
            needed, available = caught.value.tokens
            assert 2048 >= needed > available == CONTEXT
            with pytest.raises(LocalqwqError, match="does not fit"):
                await pool.grow(one, needed)
        assert await pool.grow(one, needed)
        assert states(pool) == {"one": "ready", "two": "asleep"}
        async with pool.using(one) as engine:
            assert engine.longest >= needed
            channel = await engine.open([longer])
            async for _ in channel.batches():
                pass
        assert one.context >= needed
        assert (held := one.in_memory()) is not None
        assert held.plan.context == one.context
        async with pool.using(two) as other:
            assert states(pool)["one"] == "asleep"
            assert other.longest >= CONTEXT


@pytest.mark.parametrize("stream", [False, True])
async def test_a_long_request_over_http(demo_gguf: Path, stream: bool) -> None:
    """Is answered once an idle model has made room; while that one answers, it says why not."""
    long = {"model": "one", "messages": [{"role": "user", "content": "strawberry " * 200}]}
    asked = long | {"max_tokens": 4, "stream": stream}
    async with pooled(Copies(demo_gguf)) as pool:
        transport = httpx2.ASGITransport(create_app(pool, Counts(), keys=(), loopback=True))
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=60
        ) as http:
            await ask(pool, "one")
            async with pool.using(await pool.find("two")):
                refused = await http.post("/v1/chat/completions", json=asked)
                assert refused.status_code == 400
                assert "does not fit" in refused.json()["error"]["message"]
            answered = await http.post("/v1/chat/completions", json=asked)
            assert answered.status_code == 200
            assert '"finish_reason":"length"' in answered.text
            assert states(pool) == {"one": "ready", "two": "asleep"}
            (one,) = (await http.get("/api/ps")).json()["models"]
            assert one["context_length"] > CONTEXT


async def test_it_sleeps_and_wakes_with_its_conversation(demo_gguf: Path, tmp_path: Path) -> None:
    """Nobody asked for so long; the same prompt is then not read again."""
    async with pooled(Copies(demo_gguf, tmp_path)) as pool:
        first = await ask(pool, "one", keep_alive=0)
        assert first.usage.cached_tokens == 0
        await slept(pool, "one")
        again = await ask(pool, "one")
        assert again.usage.cached_tokens == again.usage.prompt_tokens - 1
        assert states(pool) == {"one": "ready"}


async def test_the_usual_time(demo_gguf: Path) -> None:
    """Counts where a request says nothing, again from each request on."""
    async with pooled(Copies(demo_gguf), idle=0.05) as pool:
        await ask(pool, "one", keep_alive=math.inf)
        held = await pool.find("one")
        assert held.idle == math.inf
        await ask(pool, "one")
        await slept(pool, "one")


async def test_a_crash_touches_no_other(demo_gguf: Path) -> None:
    """The killed one's request fails with the reason, the next one is answered."""
    async with pooled(Copies(demo_gguf)) as pool:
        one, two = await pool.find("one"), await pool.find("two")
        async with pool.using(two) as other:
            with pytest.raises(EngineLost, match="signal 9"):
                async with pool.using(one) as engine:
                    channel = await engine.open([replace(ASKED, max_tokens=None)])
                    assert one.supervisor is not None
                    assert one.supervisor.pid is not None
                    os.kill(one.supervisor.pid, signal.SIGKILL)
                    async for _ in channel.batches():
                        pass
                    await answer(engine)
            assert (await answer(other)).usage.completion_tokens
        assert (await ask(pool, "one")).usage.completion_tokens


async def test_a_crash_while_loading(demo_gguf: Path) -> None:
    """Whoever waits goes on waiting, and is answered by the next engine."""
    spawned: list[int] = []

    def kill_the_first(pid: int) -> None:
        if not spawned:
            os.kill(pid, signal.SIGKILL)
        spawned.append(pid)

    async with pooled(Copies(demo_gguf), on_spawn=kill_the_first) as pool:
        assert (await ask(pool, "one")).usage.completion_tokens
    assert len(spawned) == 2


async def test_what_cannot_be_loaded(demo_gguf: Path, tmp_path: Path) -> None:
    """Whoever waits is told; the next request tries again."""
    model = tmp_path / "demo.gguf"
    model.symlink_to(demo_gguf)
    async with pooled(Copies(model)) as pool:
        model.unlink()
        for _ in range(2):
            asked = [asyncio.create_task(ask(pool, "one")) for _ in range(50)]
            await asyncio.wait(asked)
            for one in asked:
                with pytest.raises(UnavailableError, match=r"demo\.gguf"):
                    one.result()
            assert states(pool) == {"one": "asleep"}
        model.symlink_to(demo_gguf)
        assert (await ask(pool, "one")).usage.completion_tokens


async def test_put_to_sleep(demo_gguf: Path) -> None:
    """Once its answer is complete; one that is being loaded at once."""
    async with pooled(Copies(demo_gguf)) as pool:
        held = await pool.find("one")
        async with pool.using(held) as engine:
            pool.unload_soon(held)
            assert (await answer(engine)).usage.completion_tokens
        await slept(pool, "one")
        waiting = asyncio.create_task(ask(pool, "one"))
        await held.until(lambda: held.state == "loading")
        await pool.unload(held)
        with pytest.raises(UnavailableError, match="was stopped"):
            await waiting
        assert held.state == "asleep"
