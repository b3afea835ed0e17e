"""The engine's side of its socket: requests and questions are answered as they come."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.server.engine.messages import (
    WINDOW,
    Batch,
    Cancel,
    Closed,
    Count,
    Counted,
    Credit,
    Down,
    Look,
    Open,
    Opened,
    Pieces,
    Served,
    Spell,
    State,
    Steer,
    Steered,
    Tokenize,
    Tokens,
    Up,
    failed,
)
from localqwq.server.engine.worker import Channel, Worker
from localqwq.server.http.errors import InvalidRequestError


@dataclass(slots=True)
class _Request:
    """A request that has been received."""

    channel: Channel | None = None
    """None until the engine has accepted it."""
    cancelled: bool = False
    window: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WINDOW))
    """Batches that may be sent."""

    def cancel(self) -> None:
        """End it; what still comes is not read and need not wait."""
        self.cancelled = True
        self.window.release()
        if self.channel is not None:
            self.channel.end()


class Serving:
    """Serves a worker to the other end of a socket; used on one event loop."""

    def __init__(self, worker: Worker, send: Callable[[Up], None]) -> None:
        """Set up, and say what is served."""
        self._worker = worker
        self._send = send
        self._requests: dict[int, _Request] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        send(_served(worker))

    def received(self, message: Down) -> None:
        """Handle a message."""
        match message:
            case Open():
                self._requests[message.id] = request = _Request()
                self._begin(self._run(message, request))
            case Cancel():
                if (known := self._requests.get(message.id)) is not None:
                    known.cancel()
            case Credit():
                if (known := self._requests.get(message.id)) is not None:
                    for _ in range(message.batches):
                        known.window.release()
            case Steer():
                self._send(self._steered(message))
            case Look():
                self._send(self._state(message))
            case Count() | Tokenize() | Spell():
                self._begin(self._answer(message))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, message: Open, request: _Request) -> None:
        id_ = message.id
        try:
            channel = await self._worker.open(message.requests, message.interval)
            request.channel = channel
            if request.cancelled:
                channel.end()
            self._send(Opened(id_))
            async for index, batch in channel.batches():
                if not request.cancelled:
                    await request.window.acquire()
                self._send(Batch(id_, index, batch))
        except (InvalidRequestError, LocalqwqError) as error:
            self._send(failed(id_, error))
        finally:
            del self._requests[id_]
            self._send(Closed(id_))

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
                answer = await asyncio.to_thread(self._answered, message)
        except Exception as error:
            self._send(failed(message.id, error))
        else:
            self._send(answer)

    def _answered(self, message: Tokenize | Spell) -> Tokens | Pieces:
        """Answer a question about the vocabulary, in any thread."""
        engine = self._worker.engine
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
