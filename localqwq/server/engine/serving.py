"""The engine's side of its socket: requests and questions are answered as they come."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from localqwq.engine.engine import Engine
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import Event
from localqwq.server.engine.messages import (
    WINDOW,
    Allow,
    Batch,
    Cancel,
    Closed,
    Count,
    Counted,
    Credit,
    Down,
    Embed,
    Look,
    Open,
    Opened,
    Pieces,
    Served,
    Sized,
    Spell,
    State,
    Steer,
    Steered,
    Tokenize,
    Tokens,
    Up,
    failed,
)
from localqwq.server.engine.worker import Channel, Failure, Worker
from localqwq.server.http.errors import InvalidRequestError

if TYPE_CHECKING:
    from localqwq.engine.embedder import Embedder


class _Request:
    """A request that has been received, and the delivery of its events to the server."""

    def __init__(self, id_: int, send: Callable[[Up], None], forget: Callable[[int], None]) -> None:
        """Set up; ``forget`` is called at its end."""
        self.channel: Channel | None = None
        """None until the engine has accepted it."""
        self.cancelled = False
        self._id = id_
        self._send = send
        self._forget = forget
        # Two sums, each changed by one thread only: no lock is needed.
        self._sent = 0
        self._read = 0

    def cancel(self) -> None:
        """End it."""
        self.cancelled = True
        if self.channel is not None:
            self.channel.end()

    def credit(self, batches: int) -> None:
        """Note that so many batches were passed on."""
        self._read += batches

    def opened(self) -> None:
        """Tell that it was accepted."""
        self._send(Opened(self._id))

    def ready(self, index: int) -> bool:
        """Return whether a batch may be sent."""
        return self._sent - self._read < WINDOW

    def batch(self, index: int, events: list[Event]) -> None:
        """Send a batch."""
        self._sent += 1
        self._send(Batch(self._id, index, events))

    def failed(self, error: Failure) -> None:
        """Tell why it failed."""
        self._send(failed(self._id, error))

    def closed(self) -> None:
        """Tell that nothing more will come."""
        self._forget(self._id)
        self._send(Closed(self._id))


class Serving:
    """Serves a worker to the other end of a socket; used on one event loop."""

    def __init__(self, worker: Worker, send: Callable[[Up], None]) -> None:
        """Set up, and say what is served; ``send`` is called in any thread."""
        self._worker = worker
        self._send = send
        self._requests: dict[int, _Request] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        send(_served(worker))
        worker.engine.on_context = lambda size: send(Sized(size))

    def received(self, message: Down) -> None:
        """Handle a message."""
        match message:
            case Open():
                request = _Request(message.id, self._send, self._forget)
                self._requests[message.id] = request
                self._begin(self._run(message, request))
            case Cancel():
                if (known := self._requests.get(message.id)) is not None:
                    known.cancel()
            case Credit():
                if (known := self._requests.get(message.id)) is not None:
                    known.credit(message.batches)
            case Steer():
                self._send(self._steered(message))
            case Look():
                self._send(self._state(message))
            case Allow():
                self._worker.engine.allow(message.longest)
            case Count() | Tokenize() | Spell():
                self._begin(self._answer(message))
            case Embed():
                name = self._worker.engine.facts.name
                sentence = f"{name} answers conversations and makes no embeddings."
                self._send(failed(message.id, InvalidRequestError(sentence, "model")))

    def _forget(self, id_: int) -> None:
        self._requests.pop(id_, None)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, message: Open, request: _Request) -> None:
        try:
            channel = await self._worker.open(message.requests, request, message.interval)
        except (InvalidRequestError, LocalqwqError) as error:
            request.failed(error)
            request.closed()
            return
        request.channel = channel
        if request.cancelled:
            channel.end()

    def _steered(self, message: Steer) -> Steered:
        known = self._requests.get(message.request)
        controls = known.channel.controls if known is not None and known.channel else []
        if message.answer_now:
            done = [control for control in controls if control.answer_now()]
        else:
            done = [control for control in controls if control.grant(message.budget)]
        return Steered(message.id, bool(done), done[0].budget if done else None)

    def _state(self, message: Look) -> State:
        engine = self._worker.engine
        return State(
            message.id, engine.context, engine.rope, engine.running, self._worker.unfinished
        )

    async def _answer(self, message: Count | Tokenize | Spell) -> None:
        answer: Counted | Tokens | Pieces
        try:
            if isinstance(message, Count):
                answer = Counted(message.id, await self._worker.count(message.request))
            else:
                answer = await asyncio.to_thread(spelled, self._worker.engine, message)
        except Exception as error:
            self._send(failed(message.id, error))
        else:
            self._send(answer)


def spelled(engine: "Engine | Embedder", message: Tokenize | Spell) -> Tokens | Pieces:
    """Answer a question about the vocabulary, in any thread."""
    if isinstance(message, Spell):
        return Pieces(message.id, [engine.piece(token) for token in message.tokens])
    try:
        tokens = engine.tokenize(message.text, begin=message.begin, special=message.special)
    except LocalqwqError as error:
        raise InvalidRequestError(str(error)) from None
    return Tokens(message.id, tokens)


def _served(worker: Worker) -> Served:
    engine = worker.engine
    return Served(
        engine.facts,
        engine.traits,
        engine.tool_traits,
        engine.parallel,
        engine.longest,
        engine.vocabulary,
    )
