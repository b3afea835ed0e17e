"""The one thread that owns the engine, and the way of its events to the event loop."""

import asyncio
import queue
import threading
import traceback
from collections.abc import AsyncIterator
from time import perf_counter

from localqwq.engine.engine import ContextExceeded, Engine, GenerationRequest, RequestRefused
from localqwq.errors import LocalqwqError
from localqwq.reasoning.budget import ThoughtControl
from localqwq.reasoning.events import Event
from localqwq.server.errors import InvalidRequestError

_BATCH_SECONDS = 0.02
"""Events that come within this time share a batch: each one costs the decoding threads a core
for a moment, and nobody reads faster."""

Failure = InvalidRequestError | LocalqwqError


class Channel:
    """One request on its way through the worker; made and read on the event loop."""

    def __init__(self, request: GenerationRequest) -> None:
        self.request = request
        self.stop = threading.Event()
        """Ends the generation at its next token."""
        self.control = ThoughtControl(request.reasoning_budget)
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[list[Event] | Failure | None] = asyncio.Queue()

    async def batches(self) -> AsyncIterator[list[Event]]:
        """The events, those that came together in one list; raises what the engine raised.

        ``InvalidRequestError`` comes before any event.
        """
        while (batch := await self._queue.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield batch

    def put(self, batch: list[Event] | Failure | None) -> None:
        """Hand something over from the engine's thread; ``None`` or a failure is the end."""
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, batch)
        except RuntimeError:  # the loop has ended, so nobody waits for it
            self.stop.set()


class Worker:
    """Generates for one request after the other, in a thread of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[Channel | None] = queue.SimpleQueue()
        self._open: set[Channel] = set()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest) -> Channel:
        """Queue a request; call it on the event loop that reads the channel."""
        channel = Channel(request)
        self._open.add(channel)
        self._waiting.put(channel)
        return channel

    def stop(self) -> None:
        """End all requests, the running one at its next token, and then the thread."""
        for channel in list(self._open):
            channel.put(LocalqwqError("The server is shutting down."))
            channel.stop.set()
        self._waiting.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the thread after :meth:`stop`; whether it ended within ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (channel := self._waiting.get()) is not None:
            if not channel.stop.is_set():
                channel.put(self._serve(channel))
            self._open.discard(channel)

    def _serve(self, channel: Channel) -> Failure | None:
        """Generate; what went wrong, if anything."""
        try:
            events = self._engine.generate(channel.request, channel.stop, channel.control)
        except ContextExceeded as error:
            return InvalidRequestError(str(error), "messages", code="context_length_exceeded")
        except RequestRefused as error:
            return InvalidRequestError(str(error), error.param)
        except LocalqwqError as error:
            return InvalidRequestError(str(error), "messages")
        except Exception as error:
            return _internal(error)
        batch: list[Event] = []
        sent = 0.0
        try:
            for event in events:
                batch.append(event)
                now = perf_counter()
                if now - sent >= _BATCH_SECONDS:
                    channel.put(batch)
                    batch, sent = [], now
        except LocalqwqError as error:
            return error
        except Exception as error:
            return _internal(error)
        finally:
            if batch:
                channel.put(batch)
        return None


def _internal(error: Exception) -> LocalqwqError:
    traceback.print_exc()
    return LocalqwqError(f"The engine failed: {type(error).__name__}: {error}.")
