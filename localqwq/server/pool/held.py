"""One model behind a server: asleep, loading, or ready to answer."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import psutil

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.models.beside import Held, with_context
from localqwq.models.launch import Launch
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.errors import UnavailableError
from localqwq.server.supervision.supervisor import Supervisor

State = Literal["asleep", "loading", "ready"]


class HeldModel:
    """What is known of a model, and the engine that it has while it is in memory.

    Used on one event loop. ``keep`` loads it and keeps it loaded, as long as it is not cancelled.
    """

    def __init__(
        self, name: str, keep: Callable[["HeldModel"], Awaitable[None]], idle: float
    ) -> None:
        """Set up asleep; ``idle``: seconds without a request after which it sleeps."""
        self.name = name
        self.supervisor: Supervisor[RemoteEngine] | None = None
        """Of the engine; ``None`` while the model is asleep."""
        self.engine: RemoteEngine | None = None
        """``None`` while it cannot answer."""
        self.progress = 0.0
        """The fraction loaded, 0 to 1."""
        self.on_progress: Callable[[float], None] | None = None
        """Called with it, too."""
        self.failure: LocalqwqError | None = None
        """Why the last load failed, or the engine ended for good."""
        self.context = 0
        """Tokens that its context has; 0 while it is asleep."""
        self.running = 0
        """Requests that use the engine."""
        self.is_leaving = False
        """Whether it makes way for another model, so that requests wait until it is loaded
        again.
        """
        self.last_used = 0.0
        """When the last request began or ended, by the monotonic clock."""
        self.idle = idle
        """Seconds without a request after which it sleeps; infinite: never."""
        self.usual_idle = idle
        """The same where requests do not say otherwise."""
        self.quiet = asyncio.Event()
        """Set while no request uses the engine."""
        self.quiet.set()
        self._keep = keep
        self._keeping: asyncio.Task[None] | None = None
        self._refusals = 0
        self._refusal = ""
        self._began = 0.0
        self._changed = asyncio.Event()

    @property
    def state(self) -> State:
        """Whether it is in memory."""
        if self.engine is not None:
            return "ready"
        return "asleep" if self._keeping is None else "loading"

    @property
    def is_ready(self) -> bool:
        """Whether a request can use it at once."""
        return self.engine is not None and not self.is_leaving

    @property
    def launch(self) -> Launch | None:
        """How it is loaded; ``None`` while it is asleep."""
        return None if self.supervisor is None else self.supervisor.launch

    @property
    def facts(self) -> ModelFacts | None:
        """What is in its file; ``None`` while that is not known here."""
        if self.engine is not None:
            return self.engine.served.facts
        plan = None if self.launch is None else self.launch.plan
        return None if plan is None else plan.facts

    def resized(self, context: int) -> None:
        """Note that the context has so many tokens now."""
        self.context = context
        if self.supervisor is not None:
            self.supervisor.launch = with_context(self.supervisor.launch, context)
        self._notify()

    def in_memory(self) -> Held | None:
        """Return what it holds; ``None`` if that is nothing, or was not planned."""
        if self.supervisor is None or self.supervisor.launch.plan is None:
            return None
        return Held(self.supervisor.launch.plan, self.resident)

    @property
    def resident(self) -> int:
        """Bytes of main memory that its engine has to itself; 0 while it is asleep."""
        pid = None if self.supervisor is None else self.supervisor.pid
        if pid is None:
            return 0
        with contextlib.suppress(psutil.Error):
            memory = psutil.Process(pid).memory_info()
            return int(memory.rss) - int(getattr(memory, "shared", 0))
        return 0

    @property
    def size(self) -> int:
        """Bytes that it takes in memory by its plan, or, without one, by its process."""
        held = self.in_memory()
        if held is None:
            return self.resident
        return held.plan.host.used + sum(load.used for load in held.plan.devices)

    @property
    def idle_s(self) -> float:
        """Seconds since the last request; 0 while there is one, or while it cannot answer."""
        if self.running or self.engine is None:
            return 0.0
        return time.monotonic() - self.last_used

    def wake(self) -> None:
        """Begin to load it, if it is asleep."""
        if self._keeping is None:
            self.failure = None
            self.shut()
            self._keeping = asyncio.create_task(self._run())
            self._notify()

    async def ready(self) -> RemoteEngine:
        """Wait until it can answer, waking it if need be; raises ``UnavailableError`` if not."""
        known = self._refusals
        while self.engine is None or self.is_leaving:
            if self._refusals > known:
                raise UnavailableError(self._refusal)
            if not self.is_leaving:
                self.wake()
            await self._changed.wait()
        return self.engine

    def use(self) -> None:
        """Note that a request begins to use the engine."""
        self.running += 1
        self.last_used = time.monotonic()
        self.quiet.clear()

    def release(self) -> None:
        """Note that a request has ended."""
        self.running -= 1
        self.last_used = time.monotonic()
        if self.running == 0:
            self.quiet.set()

    def progressed(self, part: float) -> None:
        """Note the fraction loaded."""
        self.progress = part
        if self.on_progress is not None:
            self.on_progress(part)

    @property
    def loading_s(self) -> float:
        """Seconds since the load began."""
        return time.monotonic() - self._began

    def let_in(self, engine: RemoteEngine) -> None:
        """Let requests in; those that wait go on."""
        self.engine = engine
        if self.launch is not None:
            self.resized(self.launch.load.context)
        self.progress = 1.0
        self.last_used = time.monotonic()
        self._notify()

    def shut(self) -> None:
        """Have requests wait until the model is loaded."""
        self.engine = None
        self.context = 0
        self.progress = 0.0
        self._began = time.monotonic()

    async def sleep(self) -> None:
        """Take it out of memory, with its conversations written to disk."""
        self.is_leaving = True
        self.shut()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        await self._end()
        self._keeping = None
        self.is_leaving = False
        self._notify()

    def leave(self) -> None:
        """Have new requests wait until it has slept."""
        self.is_leaving = True
        self._notify()

    def stay(self) -> None:
        """Take :meth:`leave` back."""
        self.is_leaving = False
        self._notify()

    async def failed(self) -> LocalqwqError:
        """Wait until a load fails or the engine ends for good, and return why."""
        await self.until(lambda: self.failure is not None)
        assert self.failure is not None
        return self.failure

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, which is asked at each change of the state."""
        while not is_so():
            await self._changed.wait()

    def refuse(self, error: LocalqwqError) -> None:
        """Fail whoever waits."""
        self._refusals += 1
        self._refusal = str(error)
        self._notify()

    def _notify(self) -> None:
        """Let whoever waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _end(self) -> None:
        supervisor, self.supervisor = self.supervisor, None
        if supervisor is not None:
            await supervisor.stop()

    async def _run(self) -> None:
        try:
            await self._keep(self)
            return
        except LocalqwqError as error:
            failure = error
        except Exception as error:
            failure = LocalqwqError(
                f"The server failed ({type(error).__name__}: {error}); please report this."
            )
        self.shut()
        await self._end()
        self._keeping = None
        self.failure = failure
        self.refuse(failure)
