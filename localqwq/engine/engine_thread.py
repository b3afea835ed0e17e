"""An engine behind two threads of its own, for programs that use it from wherever they like.

llama.cpp ends the process when it is called after its memory was freed, or by two threads at once,
and Python raises ``KeyboardInterrupt`` between any two steps of the main thread. So no thread but
these two ever calls it: the others leave a message and wait for the reply. All that they use for
that is ``SimpleQueue``, which is written in C: neither a signal nor the garbage collector, which
may drop an answer in the midst of anything, can leave it half-way.
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
"""Batches of events that the engine may be ahead of the reader of an answer."""

_Load = Callable[[Callable[[float], None]], Engine]
"""Loads the engine, and tells its argument the share of the weights that is loaded."""
_Reply = queue.SimpleQueue[Any]
_alive: set["EngineThread"] = set()
"""Those that have to end before the interpreter does."""


class _LoadGivenUp(Exception):
    """Nobody waits for the model any more."""


class _Turn:
    """One answer on its way from the engine to its reader; also the flag that stops it."""

    def __init__(self, prepared: Prepared, life: Life) -> None:
        self.prepared = prepared
        self.generation: Generation | None = None
        self.events: queue.SimpleQueue[list[Event] | LocalqwqError | None] = queue.SimpleQueue()
        """``None`` behind the last ones."""
        self.dropped = False
        self.message: _Dropped | None = None
        """Kept, or it would never be sent."""
        self._life = life

    def is_set(self) -> bool:
        """Whether nobody wants the rest."""
        return self.dropped or self._life.over

    @property
    def hungry(self) -> bool:
        """Whether the engine should go on with it."""
        return self.is_set() or self.events.qsize() < AHEAD


class _Reader:
    """Held by whoever reads a turn: when it goes, the turn ends."""


class _Dropped(weakref.ref[_Reader]):
    """The message that a turn's reader has gone, which is sent by a queue's own ``put``."""

    turn: _Turn


class EngineThread:
    """An engine that is loaded, asked, stepped and closed in threads of its own."""

    def __init__(self, name: str) -> None:
        """``name``: the model's, in sentences. Nothing happens before :meth:`load`."""
        self.life = Life(name)
        self.resting = False
        """There is nothing to do until somebody asks for something."""
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
        """Have it loaded, once; raises what that raises. An interruption gives it up."""
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
        """For what is no call of llama.cpp; raises :class:`LocalqwqError` after the end."""
        self._check()
        assert self._engine is not None
        return self._engine

    def prepare(self, request: GenerationRequest) -> Prepared:
        """See :meth:`Engine.prepare`."""
        self._check()
        reply: _Reply = queue.SimpleQueue()
        self._requests.put((request, reply))
        self._check()  # whoever reads the requests may have looked for the last time
        found = reply.get()
        if isinstance(found, Prepared):
            return found
        self._check()
        raise found

    def events(self, prepared: Prepared) -> Generator[Event, None, None]:
        """The events of one answer, which ends with the generator.

        Raises :class:`LocalqwqError` where the engine fails, or the model's life ends first.
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
            del reader  # also where a traceback keeps this frame; nothing here that a signal breaks

    def close(self, why: str, timeout: float | None = None) -> None:
        """End all answers and free the model; returns when that is done, or after ``timeout``.

        ``why`` is the sentence for whoever uses it later. Any thread may call it, several times.
        """
        if self.life.foreign:
            return
        self._tell_end(why)
        # Not by `Thread.join`: one that is interrupted takes the thread for ended from then on.
        waiter: _Reply = queue.SimpleQueue()
        self._waiters.put(waiter)
        if self._running and threading.get_ident() not in self._own:
            with contextlib.suppress(queue.Empty):
                waiter.get(timeout=timeout)

    def close_at_exit(self) -> None:
        """The same at the interpreter's end, where the threads that read are let be."""
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
        """Raise :class:`LocalqwqError` where the model cannot be used here and now."""
        if self._exiting and threading.current_thread().daemon:
            # Its exception would be printed, and Python aborts where a daemon thread prints at
            # the very end. So it waits for that here.
            queue.SimpleQueue[None]().get()
        self.life.check()

    # What follows runs in the engine's thread.

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
        """Tell those that wait for it that nothing is left."""
        _alive.discard(self)
        self._running = False
        while not self._waiters.empty():
            self._waiters.get().put(None)

    def _on_progress(self, _: float) -> None:
        if self.life.over:
            raise _LoadGivenUp

    def _use(self, engine: Engine, loaded: _Reply) -> None:
        """Serve until the end, and free everything."""
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
        """Submit the turns that have come; false at the end."""
        while not self.life.over:
            engine.withdraw()  # before the look: who comes after it announces itself again
            self.resting = wait
            try:
                turn = self._inbox.get(block=wait)
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
        """Decode a batch if somebody waits for it; false where there is nothing to do."""
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
        """End the turns that are open, and those that have come meanwhile."""
        turns, self._turns = self._turns, []
        while not self._inbox.empty():
            turn = self._inbox.get()
            if turn is not None:
                turns.append(turn)
        if not self._exiting:
            for turn in turns:
                turn.events.put(self.life.refusal())

    # And this in the thread beside it, which has time while a batch is decoded.

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
    """A thread in llama.cpp while the interpreter ends would end the process by a signal."""
    for thread in list(_alive):
        thread.close_at_exit()
