"""The engine's side of its socket, for a model that makes embeddings."""

import asyncio
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localqwq.engine.embedder import Embedder, Stopped
from localqwq.engine.request import RequestRefused
from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError
from localqwq.hardware.awake import Awake
from localqwq.reasoning.template_traits import TemplateTraits
from localqwq.server.engine.messages import (
    Cancel,
    Closed,
    Count,
    Credit,
    Down,
    Embed,
    Embedded,
    Look,
    Open,
    Served,
    Spell,
    State,
    Steer,
    Steered,
    Tokenize,
    Up,
    failed,
)
from localqwq.server.engine.serving import spelled
from localqwq.server.http.errors import BusyError, InvalidRequestError, UnavailableError
from localqwq.settings.wakefulness import keeps_awake

_SHUTTING_DOWN = "The server is shutting down."


class EmbeddingServing:
    """Serves an embedder to the other end of a socket; used on one event loop."""

    def __init__(self, embedder: Embedder, send: Callable[[Up], None], most_waiting: int) -> None:
        """Set up, and say what is served; ``send`` is called in any thread.

        ``most_waiting``: requests that may wait behind the running one.
        """
        self.failure: str | None = None
        """Never: what fails is one request."""
        self._embedder = embedder
        self._send = send
        self._most = 1 + most_waiting
        self._stops: dict[int, threading.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = ThreadPoolExecutor(1, "embedder")
        self._is_ending = False
        self._ended = threading.Event()
        self._awake = Awake(keeps_awake)
        traits = TemplateTraits()
        send(
            Served(
                embedder.facts,
                traits,
                traits,
                embedder.parallel,
                embedder.longest,
                embedder.vocabulary,
            )
        )

    def received(self, message: Down) -> None:
        """Handle a message."""
        match message:
            case Embed() if self._is_ending:
                self._send(failed(message.id, UnavailableError(_SHUTTING_DOWN)))
            case Embed() if len(self._stops) >= self._most:
                self._send(failed(message.id, BusyError(1)))
            case Embed():
                stop = self._stops[message.id] = threading.Event()
                self._begin(self._embed(message, stop))
            case Cancel():
                if (known := self._stops.get(message.id)) is not None:
                    known.set()
            case Open() | Count():
                name = self._embedder.facts.name
                sentence = f"{name} makes embeddings, no answers: choose another model."
                self._send(failed(message.id, InvalidRequestError(sentence, "model")))
                if isinstance(message, Open):
                    self._send(Closed(message.id))
            case Tokenize() | Spell():
                self._begin(self._spell(message))
            case Look():
                waiting = len(self._stops)
                context = self._embedder.context
                running = min(waiting, 1)
                self._send(State(message.id, context, RopeScaling("model"), running, waiting))
            case Steer():
                self._send(Steered(message.id, done=False, budget=None))
            case Credit():
                pass  # of requests that were refused

    def stop(self) -> None:
        """End all requests after their current batches."""
        self._is_ending = True
        for stop in self._stops.values():
            stop.set()
        self._thread.submit(self._ended.set)

    def join(self, timeout: float) -> bool:
        """Wait after :meth:`stop`; return whether all ended within ``timeout`` seconds."""
        return self._ended.wait(timeout)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _embed(self, message: Embed, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._send(await loop.run_in_executor(self._thread, self._embedded, message, stop))
        except Stopped:
            self._send(failed(message.id, UnavailableError(_SHUTTING_DOWN)))
        except RequestRefused as error:
            self._send(failed(message.id, InvalidRequestError(str(error), error.param)))
        except Exception as error:
            if not isinstance(error, LocalqwqError):
                traceback.print_exc()
            self._send(failed(message.id, error))
        finally:
            del self._stops[message.id]

    def _embedded(self, message: Embed, stop: threading.Event) -> Embedded:
        with self._awake.during("Embeddings are made"):
            found = self._embedder.embed(message.texts, stop, truncate=message.truncate)
        return Embedded(message.id, [one.vector for one in found], sum(one.tokens for one in found))

    async def _spell(self, message: Tokenize | Spell) -> None:
        try:
            self._send(await asyncio.to_thread(spelled, self._embedder, message))
        except Exception as error:
            self._send(failed(message.id, error))
