"""The one thread that owns the engine, and delivers its events."""

import asyncio
import queue
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from math import ceil
from time import perf_counter
from typing import Protocol

from localqwq.engine.engine import ContextExceeded, Engine, GenerationRequest, RequestRefused
from localqwq.engine.generation import Generation, Prepared
from localqwq.errors import LocalqwqError
from localqwq.hardware.awake import Awake
from localqwq.reasoning.budget import ThoughtControl
from localqwq.reasoning.events import Event
from localqwq.server.engine.messages import MAX_WAITING
from localqwq.server.http.errors import BusyError, InvalidRequestError, UnavailableError
from localqwq.settings.wakefulness import keeps_awake

_BATCH_SECONDS = 0.03
"""Maximum seconds of events per batch, unless the client says otherwise: each batch briefly costs
the decoding threads a core, and nobody reads faster.
"""
_LONGEST_WAIT = 60
"""Maximum seconds that a client is told to wait before retrying."""

Failure = InvalidRequestError | LocalqwqError
"""What a request can fail with."""


class Delivery(Protocol):
    """Where the events of a request's generations go, mostly from the engine's thread."""

    def opened(self) -> None:
        """Note that the request was accepted."""

    def ready(self, index: int) -> bool:
        """Return whether it takes a batch of this generation now; the last one it always takes."""

    def batch(self, index: int, events: list[Event]) -> None:
        """Take simultaneous events of a generation; ``Finish`` is its last one."""

    def failed(self, error: Failure) -> None:
        """Take the error that ended one of the generations."""

    def closed(self) -> None:
        """Note that nothing more will come."""


class Channel:
    """The running generations of one request; created on the event loop."""

    def __init__(
        self,
        requests: Sequence[GenerationRequest],
        interrupt: Callable[[Generation], None],
        interval: float,
        delivery: Delivery,
    ) -> None:
        """Set up; ``interrupt`` aborts a batch that has only a stopped generation in it."""
        self.delivery = delivery
        """Gets what is generated."""
        self.interval = interval
        """Maximum seconds of events per batch, of one step at least."""
        self.sent = [0.0] * len(requests)
        """When the last batch of each request was sent."""
        self.stop = threading.Event()
        """Ends the generations at their next token."""
        self.generations: list[Generation] = []
        """The generations that the engine has."""
        self.controls = [ThoughtControl(request.reasoning_budget) for request in requests]
        """The control of each generation's thought."""
        self.unfinished = len(requests)
        """Generations that the engine has not ended yet."""
        self._interrupt = interrupt

    def end(self) -> None:
        """Stop the generations immediately, even while a long prompt is being processed."""
        self.stop.set()
        for generation in self.generations:
            self._interrupt(generation)

    def close_if_finished(self) -> None:
        """Tell that nothing more will come, if so."""
        if self.unfinished == 0:
            self.delivery.closed()


@dataclass(slots=True)
class _Job:
    """A generation that the engine has."""

    channel: Channel
    index: int
    generation: Generation
    began: float


class Worker:
    """Runs the engine in its own thread, for all requests together."""

    def __init__(
        self,
        engine: Engine,
        on_failure: Callable[[], None] | None = None,
        awake: Awake | None = None,
        most_waiting: int = MAX_WAITING,
        together: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Set up; ``on_failure`` is called in the thread if it ends with an error of its own.

        ``awake`` keeps the machine awake while generating; ``most_waiting``: generations that may
        wait for a slot in the engine; ``together`` returns a context in which everything that a
        step has brought is delivered.
        """
        self.engine = engine
        """The engine, for its thread-safe methods."""
        self.failure: str | None = None
        """Why the engine no longer serves, in one sentence."""
        self._on_failure = on_failure
        self._most_waiting = most_waiting
        self._together = together
        self._waiting: queue.SimpleQueue[tuple[Channel, int, Prepared] | None] = queue.SimpleQueue()
        self._preparing = 0  # requests whose prompts are being rendered
        self._open: set[Channel] = set()
        self._jobs: list[_Job] = []
        self._awake = awake or Awake(keeps_awake)
        self._waking = ExitStack()
        self._is_awake = False
        self._delivered = 0.0  # when the newest step ended
        self._usual_seconds = 1.0  # duration of a generation, by the newest ones
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def unfinished(self) -> int:
        """Generations that run, wait, or are being prepared."""
        return sum(channel.unfinished for channel in list(self._open))

    async def open(
        self,
        requests: Sequence[GenerationRequest],
        delivery: Delivery,
        interval: float | None = None,
    ) -> Channel:
        """Queue generations that are to run at once.

        They are admitted together if there are slots for all of them, or nothing else is there.
        ``delivery`` gets their events; ``interval``: maximum seconds of events per batch. Raises
        :class:`BusyError` if there are no slots, ``InvalidRequestError`` for what the engine
        rejects, and :class:`LocalqwqError` if it fails.
        """
        if self.failure is not None:
            raise UnavailableError(self.failure)
        places = self.engine.parallel + self._most_waiting
        if 0 < self.unfinished > places - len(requests):
            raise BusyError(self._seconds_to_place())
        gathered = _BATCH_SECONDS if interval is None else interval
        channel = Channel(requests, self.engine.interrupt, gathered, delivery)
        self._open.add(channel)
        self._preparing += 1
        self.engine.announce()
        try:
            prepared = [await asyncio.to_thread(self._prepare, request) for request in requests]
        except BaseException:
            self._open.discard(channel)
            raise
        finally:
            self._preparing -= 1
        delivery.opened()
        for index, item in enumerate(prepared):
            self._waiting.put((channel, index, item))
        self.engine.interrupt()
        return channel

    async def count(self, request: GenerationRequest) -> int:
        """Return the number of tokens of a request's prompt, even of one that does not fit.

        Raises ``InvalidRequestError`` for what the engine rejects otherwise.
        """
        try:
            prepared = await asyncio.to_thread(self._prepare, request, exact=True)
            return len(prepared.prompt.tokens)
        except InvalidRequestError as error:
            if error.tokens is None:
                raise
            return error.tokens[0] - 1  # one more would be generated

    def stop(self) -> None:
        """End all generations, the running ones at their next token, and then the thread."""
        self.failure = "The server is shutting down."
        self._end_all(UnavailableError(self.failure))
        self._waiting.put(None)
        self.engine.interrupt()

    def join(self, timeout: float) -> bool:
        """Wait for the thread after :meth:`stop`; return whether it ended within ``timeout``
        seconds.
        """
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _prepare(self, request: GenerationRequest, *, exact: bool = False) -> Prepared:
        """Prepare a request, in any thread: a template may take its time."""
        param = "messages" if request.prompt is None else "prompt"
        try:
            return self.engine.prepare(request, exact=exact)
        except ContextExceeded as error:
            refusal = InvalidRequestError(
                str(error),
                param,
                code="context_length_exceeded",
                tokens=(error.needed, error.available),
            )
        except RequestRefused as error:
            refusal = InvalidRequestError(str(error), error.param)
        except LocalqwqError as error:
            refusal = InvalidRequestError(str(error), param)
        except Exception as error:
            raise _internal(error) from None
        raise refusal

    def _run(self) -> None:
        idle = True
        try:
            with self._waking:
                while self._admit(wait=idle):
                    self._stay_awake()
                    idle = not self.engine.step()
                    with self._together():
                        self._deliver()
                    self._stay_awake()
        except Exception as error:
            self.failure = str(_internal(error))
            self._end_all(UnavailableError(self.failure))
            if self._on_failure is not None:
                self._on_failure()

    def _admit(self, *, wait: bool) -> bool:
        """Give the engine everything that is queued; return False at the end."""
        while True:
            self.engine.withdraw()  # before looking: later arrivals announce themselves again
            pause = self.engine.pause
            if not wait and self._preparing and (gathering := self.engine.gathering):
                wait, pause = True, gathering
            try:
                item = self._waiting.get(block=wait, timeout=pause)
            except queue.Empty:
                return True
            if item is None:
                return False
            self._submit(*item)
            wait = False

    def _stay_awake(self) -> None:
        """Keep the machine awake while there are generations."""
        if self._jobs and not self._is_awake:
            self._waking.enter_context(self._awake.during("An answer is written"))
        elif self._is_awake and not self._jobs:
            self._waking.close()
        self._is_awake = bool(self._jobs)

    def _submit(self, channel: Channel, index: int, prepared: Prepared) -> None:
        if channel.stop.is_set():
            self._fail(channel, UnavailableError("The request was stopped before it began."))
            return
        try:
            generation = self.engine.submit(prepared, channel.stop, channel.controls[index])
        except Exception as error:
            self._fail(channel, error if isinstance(error, LocalqwqError) else _internal(error))
            return
        channel.generations.append(generation)
        self._jobs.append(_Job(channel, index, generation, perf_counter()))

    def _deliver(self) -> None:
        """Send what has arrived to waiting clients, unless more will arrive soon enough: a step
        from now, by the newest one.
        """
        now = perf_counter()
        soon = now + now - self._delivered
        self._delivered = now
        ended = [job for job in self._jobs if job.generation.done]
        for job in ended:
            self._end(job, job.generation.take(), now)
        if ended:
            self._jobs = [job for job in self._jobs if not job.generation.done]
        for job in self._jobs:
            channel, index = job.channel, job.index
            is_due = soon - channel.sent[index] > channel.interval
            if is_due and channel.delivery.ready(index) and (events := job.generation.take()):
                channel.sent[index] = now
                channel.delivery.batch(index, events)

    def _end(self, job: _Job, events: list[Event], now: float) -> None:
        """Free a generation's place before its client learns of its end, and may ask for more."""
        self._usual_seconds += (now - job.began - self._usual_seconds) / 8
        channel, error = job.channel, job.generation.error
        if error is None:
            self._close_one(channel)
        if events:
            channel.delivery.batch(job.index, events)
        if error is None:
            channel.close_if_finished()
        else:
            self._fail(channel, error)

    def _fail(self, channel: Channel, error: LocalqwqError) -> None:
        """Tell one client that its request failed, and stop the rest of it."""
        channel.stop.set()
        self._close_one(channel)
        channel.delivery.failed(error)
        channel.close_if_finished()

    def _close_one(self, channel: Channel) -> None:
        channel.unfinished -= 1
        if channel.unfinished == 0:
            self._open.discard(channel)

    def _end_all(self, error: LocalqwqError) -> None:
        for channel in list(self._open):
            channel.delivery.failed(error)
            channel.end()

    def _seconds_to_place(self) -> int:
        """Return the seconds until the next generation should end, judging by the newest ones."""
        return max(1, min(_LONGEST_WAIT, ceil(self._usual_seconds / self.engine.parallel)))


def _internal(error: Exception) -> LocalqwqError:
    traceback.print_exc()
    return LocalqwqError(f"The engine failed: {type(error).__name__}: {error}.")
