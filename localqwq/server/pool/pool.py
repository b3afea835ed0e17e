"""The models of one server: loaded when asked for, together where they fit, asleep when idle."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.models.beside import Held
from localqwq.models.launch import Launch
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.errors import InvalidRequestError, UnavailableError
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.names import named
from localqwq.server.pool.source import Growth, Listed, ModelSource
from localqwq.server.supervision.supervisor import Supervisor

_Found = TypeVar("_Found")
Supervise = Callable[[Launch], Supervisor[RemoteEngine]]
"""Returns the supervisor of an engine that is to load this."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A model of the server, and what is known of it now."""

    listed: Listed
    held: HeldModel | None
    """``None`` if it was not asked for yet."""


class Pool:
    """Finds the model that a request names, and has it in memory while it is used.

    Used on one event loop.
    """

    def __init__(
        self,
        source: ModelSource,
        supervise: Supervise,
        keep: Callable[[HeldModel, "Pool"], Awaitable[None]],
        idle: float = math.inf,
    ) -> None:
        """Set up.

        Args:
            source: the models.
            supervise: returns the supervisor of a new engine.
            keep: loads a model with :meth:`admit` and keeps it loaded until it is cancelled.
            idle: seconds without a request after which a model sleeps; infinite: never.
        """
        self._source = source
        self._supervise = supervise
        self._keep = keep
        self._idle = idle
        self._models: dict[str, HeldModel] = {}
        self._moving = asyncio.Lock()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: LocalqwqError | None = None

    async def find(self, wanted: str | None) -> HeldModel:
        """Return the model that a request's ``model`` means.

        Raises ``InvalidRequestError`` if there is no such model.
        """
        return await self._found(lambda: self._source.find(wanted))

    async def named(self, wanted: str) -> HeldModel:
        """Return the model with this name; raises ``InvalidRequestError`` if there is none.

        One that is in memory is found although it is not installed any more.
        """
        try:
            return await self._found(lambda: self._source.named(wanted))
        except InvalidRequestError:
            for held in self.known:
                if held.state != "asleep" and named(wanted, [held.name]) is not None:
                    return held
            raise

    def held(self, name: str) -> HeldModel:
        """Return what is known of a model with this full name."""
        if (known := self._models.get(name)) is None:
            known = HeldModel(name, lambda held: self._keep(held, self), self._idle)
            self._models[name] = known
        return known

    async def listings(self) -> Sequence[Listing]:
        """Return all models."""
        listed = await self._looked_up(self._source.listed)
        return [Listing(one, self._models.get(one.name)) for one in listed]

    async def facts(self, held: HeldModel) -> ModelFacts | None:
        """Return what is in a model's file, which need not be loaded for that; ``None`` if it
        cannot be read.
        """
        if held.facts is not None:
            return held.facts
        known = (one.listed for one in await self.listings())
        return next((one.facts for one in known if one.name == held.name), None)

    @property
    def known(self) -> Sequence[HeldModel]:
        """Return the models that were asked for since the start."""
        return [*self._models.values()]

    @property
    def has_one(self) -> bool:
        """Whether there is only one model, whatever requests name."""
        return self._source.has_one

    @asynccontextmanager
    async def using(
        self, held: HeldModel, keep_alive: float | None = None
    ) -> AsyncIterator[RemoteEngine]:
        """Have a model in memory while the context lasts; yields its engine.

        ``keep_alive``: seconds that it stays in memory afterwards; ``None``: as long as usual.
        Raises ``UnavailableError`` if it cannot be loaded.
        """
        if self._end is not None:
            raise self._end.with_traceback(None)
        engine = await held.ready()
        with self.holding(held):
            held.idle = self._idle_of(held, keep_alive)
            yield engine

    @contextmanager
    def holding(self, held: HeldModel) -> Iterator[None]:
        """Keep a model that is ready in memory while the context lasts."""
        held.use()
        self._forget_timer(held)
        try:
            yield
        finally:
            held.release()
            self._watch(held)

    def files(self) -> list[Path]:
        """Return the files of the models in memory."""
        return [held.launch.model for held in self.known if held.launch is not None]

    async def admit(self, held: HeldModel) -> Launch:
        """Make room for a model, and return how to load it. Call it within :meth:`moving`.

        Models that nobody uses leave memory if need be, else the first one that is not used any
        more. Raises ``LocalqwqError`` at once if it could not be loaded even then.
        """
        waited: list[HeldModel] = []
        try:
            while True:
                others = [one for one in self._others(held) if one.in_memory() is not None]
                idle = [one for one in others if self._may_leave(one)]
                staying = [one for one in others if one not in idle]
                try:
                    room = await asyncio.to_thread(
                        self._source.room, held.name, _memories(staying), _with_memories(idle)
                    )
                except LocalqwqError:
                    pinned = [one for one in staying if self._source.is_pinned(one.name)]
                    busy = [one for one in staying if one not in pinned]
                    if not busy:
                        raise
                    rest = [one for one in others if one not in pinned]
                    await asyncio.to_thread(
                        self._source.room, held.name, _memories(pinned), _with_memories(rest)
                    )  # raises if that they leave would not help
                    waited.append(busy[0])
                    await self._wait_for(busy[0])
                    continue
                if all(self._may_leave(one) for one in room.leaving):
                    for one in room.leaving:
                        await self._put_to_sleep(one)
                    return room.launch
        finally:
            for one in waited:
                one.stay()

    async def grow(self, held: HeldModel, needed: int) -> bool:
        """Let the context of a model grow to so many tokens; return whether a request that needs
        them should be tried again.

        Idle models leave memory if need be. Raises ``LocalqwqError`` with the plan's sentence if
        there is not enough room even so. The caller must not use the model: it may have to leave.
        """
        async with self._moving:
            engine, own = held.engine, held.in_memory()
            if engine is None or engine.longest >= needed:  # it is not what it was
                return True
            if own is None or held.launch is None:
                return False
            idle = [one for one in self._others(held) if self._may_leave(one)]
            staying = [one for one in self._others(held) if one not in idle]
            growth = await asyncio.to_thread(
                self._source.growth,
                held.launch,
                own,
                needed,
                _memories(staying),
                _with_memories(idle),
            )
            if growth.longest < needed:
                return False
            for one in growth.leaving:
                if not self._may_leave(one):  # somebody asked it meanwhile
                    return False
                await self._put_to_sleep(one)
            engine.allow(growth.longest)
            return True

    async def _share(self, changed: HeldModel | None = None) -> None:
        """Tell the models in memory, but for the one that ``changed``, how far they may grow beside
        each other now.
        """
        if self.has_one:
            return
        async with self._moving:
            for held in self.known:
                engine, own, launch = held.engine, held.in_memory(), held.launch
                if held is changed or engine is None or own is None or launch is None:
                    continue
                others = _memories(self._others(held))
                with suppress(LocalqwqError):  # it keeps what it has
                    growth: Growth[HeldModel] = await asyncio.to_thread(
                        self._source.growth, launch, own, held.context, others, []
                    )
                    engine.allow(growth.longest)

    def _resized(self, held: HeldModel, context: int) -> None:
        """Note a new length of a model's context, which leaves others more or less room."""
        held.resized(context)
        self._begin(self._share(held))

    def moving(self) -> asyncio.Lock:
        """Return the lock of whoever loads or unloads: what is free is known only then."""
        return self._moving

    def supervise(self, held: HeldModel, launch: Launch) -> Supervisor[RemoteEngine]:
        """Give a model a supervisor for an engine that loads this."""
        held.supervisor = self._supervise(launch)
        return held.supervisor

    def let_in(self, held: HeldModel, engine: RemoteEngine) -> None:
        """Note that a model can answer."""
        held.let_in(engine)
        engine.on_context = lambda context: self._resized(held, context)
        self._watch(held)
        self._begin(self._share(held))

    def load_soon(self, held: HeldModel) -> None:
        """Begin to load a model."""
        held.wake()

    async def unload(self, held: HeldModel) -> None:
        """Put a model to sleep once no request uses it; those that come meanwhile wake it again.

        A load is ended, and requests that wait for it fail.
        """
        if held.state == "loading":
            held.refuse(UnavailableError(f"{held.name} was stopped while it was being loaded."))
            await held.sleep()
            return
        async with self._moving:
            try:
                if held.state == "ready":
                    await self._wait_for(held)
                    await self._put_to_sleep(held)
            finally:
                held.stay()

    def unload_soon(self, held: HeldModel) -> None:
        """Begin to :meth:`unload` a model."""
        self._begin(self.unload(held))

    def refuse(self, error: LocalqwqError) -> None:
        """Refuse requests from now on, and fail those that wait or run."""
        self._end = error
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        for held in self.known:
            if held.engine is not None:
                held.engine.end(error)
            held.refuse(error)

    async def close(self) -> None:
        """End all engines."""
        await asyncio.gather(*(held.sleep() for held in self.known))

    async def _found(self, find: Callable[[], str]) -> HeldModel:
        try:
            name = find() if self.has_one else await self._looked_up(find)
        except LookupError as error:
            message = str(error.args[0])
            raise InvalidRequestError(message, code="model_not_found", status=404) from None
        return self.held(name)

    async def _looked_up(self, find: Callable[[], _Found]) -> _Found:
        """Return what is found in the store; what was loaded from it and is not there any more
        leaves memory.
        """
        ready = [held for held in self.known if held.is_ready]

        def look() -> tuple[_Found, list[HeldModel]]:
            return find(), [one for one in ready if not self._source.is_current(one.name)]

        found, stale = await asyncio.to_thread(look)
        for held in stale:
            if held.is_ready:
                held.leave()  # who asks from now on waits for the new one
                self.unload_soon(held)
        return found

    def _others(self, held: HeldModel) -> list[HeldModel]:
        """Return the other models, the one that was used longest ago first."""
        others = [one for one in self._models.values() if one is not held]
        return sorted(others, key=lambda one: one.last_used)

    def _may_leave(self, held: HeldModel) -> bool:
        return held.running == 0 and not self._source.is_pinned(held.name)

    async def _wait_for(self, held: HeldModel) -> None:
        """Wait until no request uses a model; new ones have to wait until it may stay."""
        held.leave()
        await held.quiet.wait()

    async def _put_to_sleep(self, held: HeldModel) -> None:
        self._forget_timer(held)
        await held.sleep()
        self._begin(self._share())

    def _idle_of(self, held: HeldModel, keep_alive: float | None) -> float:
        """Return the seconds without a request after which a model sleeps."""
        usual = held.usual_idle
        stays = math.isinf(usual) if self.has_one else self._source.is_pinned(held.name)
        if stays:
            return math.inf
        return usual if keep_alive is None else keep_alive

    def _watch(self, held: HeldModel) -> None:
        """Have a model sleep after its idle time."""
        self._forget_timer(held)
        if held.running == 0 and held.idle < math.inf and held.engine is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(held.idle, lambda: self._begin(self._sleep_if_idle(held)))
            self._timers[held.name] = timer

    def _forget_timer(self, held: HeldModel) -> None:
        if (timer := self._timers.pop(held.name, None)) is not None:
            timer.cancel()

    async def _sleep_if_idle(self, held: HeldModel) -> None:
        async with self._moving:
            if held.running or held.engine is None:
                return
            if held.idle_s < held.idle:  # there was a request meanwhile
                self._watch(held)
            else:
                await self._put_to_sleep(held)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        if self._end is not None:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _memories(models: Sequence[HeldModel]) -> list[Held]:
    return [memory for one in models if (memory := one.in_memory()) is not None]


def _with_memories(models: Sequence[HeldModel]) -> list[tuple[HeldModel, Held]]:
    return [(one, memory) for one in models if (memory := one.in_memory()) is not None]
