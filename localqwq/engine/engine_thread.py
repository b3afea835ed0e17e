"""An engine behind two threads of its own, for programs that use it from anywhere.

llama.cpp ends the process when it is called after its memory was freed, or by two threads at once,
and Python raises ``KeyboardInterrupt`` between any two steps of the main thread. Therefore only
these two threads ever call it: all others send a message and wait for the reply. They use only
``SimpleQueue``, which is written in C: neither a signal nor the garbage collector, which may drop
an answer at any time, can leave it in a half-finished state.
"""

import atexit
import contextlib
import queue
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Any

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.generation import Generation, Prepared
from localqwq.engine.life import Life
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import Event

AHEAD = 64
"""How many batches of events the engine may be ahead of an answer's reader."""

_Load = Callable[[Callable[[float], None]], Engine]
"""Load the engine, reporting the fraction of the weights loaded to its argument."""
_Reply = queue.SimpleQueue[Any]
_alive: set["EngineThread"] = set()
"""Threads that must end before the interpreter does."""


class _LoadGivenUp(Exception):
    """Nobody is waiting for the model any more."""


class _Turn:
    """One answer on its way from the engine to its reader; also the flag that stops it."""

    def __init__(self, prepared: Prepared, life: Life) -> None:
        self.prepared = prepared
        self.generation: Generation | None = None
        self.events: queue.SimpleQueue[list[Event] | LocalqwqError | None] = queue.SimpleQueue()
        """The events; ``None`` follows the last ones."""
        self.dropped = False
        self.message: _Dropped | None = None
        """Kept because it would otherwise never be sent."""
        self._life = life

    def is_set(self) -> bool:
        """Return whether the rest is no longer wanted."""
        return self.dropped or self._life.over

    @property
    def hungry(self) -> bool:
        """Return whether the engine should continue with it."""
        return self.is_set() or self.events.qsize() < AHEAD


class _Reader:
    """Held by the reader of a turn: when it is dropped, the turn ends."""


class _Dropped(weakref.ref[_Reader]):
    """The message that a turn's reader is gone, sent by a queue's own ``put``."""

    turn: _Turn


class EngineThread:
    """An engine that is loaded, called and closed in its own threads."""

    def __init__(self, name: str) -> None:
        """Set up; ``name`` is the model's name in messages. Nothing happens before :meth:`load`."""
        self.life = Life(name)
        self.resting = False
        """Set while there is nothing to do until the next message."""
        self._engine: Engine | None = None
        self._exiting = False
        self._turns: list[_Turn] = []
        self._inbox: queue.SimpleQueue[_Turn | None] = queue.SimpleQueue()
        self._requests: queue.SimpleQueue[tuple[GenerationRequest, _Reply] | _Dropped | None] = (
            queue.SimpleQueue()
        )
        self._waiters: queue.SimpleQueue[_Reply] = queue.SimpleQueue()
        self._running = False
        self._own: set[int] = set()
        """The identifiers of the two threads."""

    def load(self, load: _Load) -> None:
        """Load the engine, once, and raise what loading raises. An interrupt abandons the load."""
        loaded: _Reply = queue.SimpleQueue()
        thread = threading.Thread(
            target=self._run, args=(load, loaded), name="localqwq-engine", daemon=True
        )
        _alive.add(self)
        self._running = True
        try:
            thread.start()
            failure = loaded.get()
        except BaseException:
            self._tell_end(f"The model {self.life.name} was not loaded.")
            if thread.ident is None:
                self._end()
            raise
        if failure is not None:
            raise failure

    @property
    def engine(self) -> Engine:
        """The engine, for attributes that do not call llama.cpp; raises :class:`LocalqwqError` once
        closed.
        """
        self._check()
        assert self._engine is not None
        return self._engine

    def prepare(self, request: GenerationRequest) -> Prepared:
        """See :meth:`Engine.prepare`."""
        self._check()
        reply: _Reply = queue.SimpleQueue()
        self._requests.put((request, reply))
        self._check()  # the reader of requests may have looked for the last time
        found = reply.get()
        if isinstance(found, Prepared):
            return found
        self._check()
        raise found

    def events(self, prepared: Prepared) -> Generator[Event, None, None]:
        """Yield the events of one answer, which ends with the generator.

        Raises :class:`LocalqwqError` if the engine fails, or the model is closed first.
        """
        self._check()
        turn, reader = _Turn(prepared, self.life), _Reader()
        turn.message = _Dropped(reader, self._requests.put)
        turn.message.turn = turn
        try:
            self._inbox.put(turn)
            self.engine.interrupt()
            while True:
                self._check()
                found = turn.events.get()
                if found is None:
                    return
                if isinstance(found, LocalqwqError):
                    self._check()
                    raise found
                self._inbox.put(None)  # there is room for more
                yield from found
        finally:
            del reader  # also if a traceback keeps this frame; safe from signals

    def close(self, why: str, timeout: float | None = None) -> None:
        """End all answers and free the model, waiting at most ``timeout`` seconds.

        ``why`` is the error message for later uses. Thread-safe; may be called several times.
        """
        if self.life.foreign:
            return
        self._tell_end(why)
        # Not `Thread.join`: after an interrupted one, the thread counts as ended.
        waiter: _Reply = queue.SimpleQueue()
        self._waiters.put(waiter)
        if self._running and threading.get_ident() not in self._own:
            with contextlib.suppress(queue.Empty):
                waiter.get(timeout=timeout)

    def close_at_exit(self) -> None:
        """Close at interpreter exit, where reading threads are left alone."""
        self._exiting = True
        self.close(f"The model {self.life.name} was closed as the program ended.")

    def _tell_end(self, why: str) -> None:
        self.life.end(why)
        if self._engine is not None:
            self._engine.interrupt()
            for turn in list(self._turns):
                if turn.generation is not None:
                    self._engine.interrupt(turn.generation)
        self._inbox.put(None)

    def _check(self) -> None:
        """Raise :class:`LocalqwqError` if the model cannot be used here and now."""
        if self._exiting and threading.current_thread().daemon:
            # The exception would be printed, and Python aborts if a daemon thread prints at the
            # very end, so wait for that here.
            queue.SimpleQueue[None]().get()
        self.life.check()

    # The following runs in the engine's thread.

    def _run(self, load: _Load, loaded: _Reply) -> None:
        self._own.add(threading.get_ident())
        try:
            self._engine = engine = load(self._on_progress)
        except BaseException as error:
            self.life.end(f"The model {self.life.name} was not loaded.")
            loaded.put(error)
        else:
            self._use(engine, loaded)
        finally:
            self._end()

    def _end(self) -> None:
        """Tell all waiting threads that the engine is gone."""
        _alive.discard(self)
        self._running = False
        while not self._waiters.empty():
            self._waiters.get().put(None)

    def _on_progress(self, _: float) -> None:
        if self.life.over:
            raise _LoadGivenUp

    def _use(self, engine: Engine, loaded: _Reply) -> None:
        """Serve until the end, then free everything."""
        beside = threading.Thread(
            target=self._answer, args=(engine,), name="localqwq-requests", daemon=True
        )
        try:
            beside.start()
            loaded.put(None)
            busy = False
            while self._take_in(engine, wait=not busy):
                busy = self._work(engine)
        except Exception as error:
            self.life.end(
                f"The engine of {self.life.name} failed ({type(error).__name__}: {error}); load "
                "the model again.",
                error,
            )
            loaded.put(self.life.refusal())
        try:
            self._tell_turns()
            engine.refuse()
            self._requests.put(None)
            if beside.ident is not None:
                beside.join()
        finally:
            engine.close()

    def _take_in(self, engine: Engine, *, wait: bool) -> bool:
        """Submit the turns that have arrived; return False at the end."""
        while not self.life.over:
            engine.withdraw()  # before looking: later arrivals announce themselves again
            self.resting = wait
            try:
                turn = self._inbox.get(block=wait, timeout=engine.pause)
            except queue.Empty:
                return True
            self.resting = wait = False
            if turn is not None and not turn.is_set():
                self._submit(engine, turn)
        return False

    def _submit(self, engine: Engine, turn: _Turn) -> None:
        try:
            turn.generation = engine.submit(turn.prepared, turn)
        except LocalqwqError as error:
            turn.events.put(error)
        else:
            self._turns.append(turn)

    def _work(self, engine: Engine) -> bool:
        """Decode a batch if somebody waits for it; return False if there is nothing to do."""
        if not self._turns:
            return engine.step()  # idle work
        if not any(turn.hungry for turn in self._turns):
            return False
        engine.step()
        for turn in list(self._turns):
            self._deliver(turn)
        return True

    def _deliver(self, turn: _Turn) -> None:
        generation = turn.generation
        assert generation is not None
        if events := generation.take():
            turn.events.put(events)
        if generation.done:
            turn.events.put(generation.error)
            self._turns.remove(turn)

    def _tell_turns(self) -> None:
        """End the open turns, and those that have arrived meanwhile."""
        turns, self._turns = self._turns, []
        while not self._inbox.empty():
            turn = self._inbox.get()
            if turn is not None:
                turns.append(turn)
        if not self._exiting:
            for turn in turns:
                turn.events.put(self.life.refusal())

    # The following runs in the other thread, which has time while a batch is decoded.

    def _answer(self, engine: Engine) -> None:
        self._own.add(threading.get_ident())
        while (message := self._requests.get()) is not None:
            if isinstance(message, _Dropped):
                self._end_turn(engine, message.turn)
            else:
                request, reply = message
                reply.put(self._prepared(engine, request))
        while not self._requests.empty():
            message = self._requests.get()
            if isinstance(message, tuple) and not self._exiting:
                message[1].put(self.life.refusal())

    def _end_turn(self, engine: Engine, turn: _Turn) -> None:
        turn.message = None
        turn.dropped = True
        if turn.generation is not None:
            engine.interrupt(turn.generation)
        self._inbox.put(None)

    def _prepared(self, engine: Engine, request: GenerationRequest) -> Prepared | LocalqwqError:
        try:
            return engine.prepare(request)
        except LocalqwqError as error:
            return self.life.refusal() or error
        except Exception as error:
            failure = LocalqwqError(f"The engine failed: {type(error).__name__}: {error}.")
            failure.__cause__ = error
            return failure


@atexit.register
def _close_all() -> None:
    """End all threads: one inside llama.cpp at interpreter exit would crash the process."""
    for thread in list(_alive):
        thread.close_at_exit()
