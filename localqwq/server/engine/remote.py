"""The server's side of an engine's socket: an engine in another process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from localqwq.engine.request import GenerationRequest
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import Event, Finish
from localqwq.server.engine.messages import (
    WINDOW,
    Allow,
    Batch,
    Cancel,
    Closed,
    Count,
    Counted,
    Credit,
    Described,
    Down,
    Embed,
    Embedded,
    Failed,
    Look,
    Open,
    Opened,
    Pieces,
    Progress,
    Served,
    Sized,
    Spell,
    State,
    Steer,
    Steered,
    Tokenize,
    Tokens,
    Up,
    error_of,
)
from localqwq.server.http.counts import Counts
from localqwq.server.http.errors import InvalidRequestError, UnavailableError

Failure = InvalidRequestError | LocalqwqError
_Reply = TypeVar("_Reply", Opened, Steered, Counted, Tokens, Pieces, Embedded, State)


class Channel:
    """The running generations of one HTTP request."""

    def __init__(self, engine: "RemoteEngine", id_: int, count: int) -> None:
        """Set up for ``count`` generations."""
        self._engine = engine
        self._id = id_
        self._count = count
        self._queue: asyncio.Queue[Batch | Failure] = asyncio.Queue()
        self._read = 0

    async def batches(self) -> AsyncIterator[tuple[int, list[Event]]]:
        """Yield simultaneous events, with the index of their generation.

        Ends after the last one's ``Finish``; raises what the engine raised.
        """
        unfinished = self._count
        while unfinished:
            batch = await self._queue.get()
            if isinstance(batch, Exception):
                raise batch
            yield batch.index, batch.events
            unfinished -= isinstance(batch.events[-1], Finish)
            self._pass_on()

    def end(self) -> None:
        """Stop the generations immediately, even while a long prompt is being processed."""
        self._engine.cancel(self._id)

    async def answer_now(self) -> Steered:
        """Close the thoughts at their next sentence."""
        return await self._engine.steer(self._id, answer_now=True)

    async def grant(self, budget: int | None) -> Steered:
        """Set a new budget of thought in tokens; None for no limit."""
        return await self._engine.steer(self._id, budget=budget)

    def put(self, batch: Batch | Failure) -> None:
        """Hand over what has come from the engine."""
        self._queue.put_nowait(batch)

    def _pass_on(self) -> None:
        """Let the engine send more, in few messages."""
        self._read += 1
        if self._read == WINDOW // 2:
            self._engine.passed_on(self._id, self._read)
            self._read = 0


class RemoteEngine:
    """A loaded model in another process; used on one event loop."""

    def __init__(self, served: Served, send: Callable[[Down], None], counts: Counts) -> None:
        """Set up; ``counts`` are kept up to date."""
        self.served = served
        """What never changes about it."""
        self.longest = served.longest
        """Tokens that the context may grow to."""
        self.on_context: Callable[[int], None] = lambda _: None
        """Called with the tokens of a new context."""
        self.counts = counts
        self.failure: LocalqwqError | None = None
        """Why it no longer answers."""
        self._send = send
        self._last = 0
        self._channels: dict[int, Channel] = {}
        self._replies: dict[int, asyncio.Future[Up]] = {}

    async def open(
        self, requests: Sequence[GenerationRequest], interval: float | None = None
    ) -> Channel:
        """Queue generations that are to run at once.

        They are admitted together if there are slots for all of them, or nothing else is there.
        ``interval``: seconds of events per batch. Raises :class:`BusyError` if there are no slots,
        ``InvalidRequestError`` for what the engine rejects, and :class:`LocalqwqError` if it fails.
        """
        id_ = self._next()
        self._channels[id_] = channel = Channel(self, id_, len(requests))
        try:
            await self._asked(Open(id_, tuple(requests), interval), Opened)
        except asyncio.CancelledError:
            channel.end()
            raise
        return channel

    async def count(self, request: GenerationRequest) -> int:
        """Return the number of tokens of a request's prompt, even of one that does not fit.

        Raises ``InvalidRequestError`` for what the engine rejects otherwise.
        """
        return (await self._asked(Count(self._next(), request), Counted)).tokens

    async def tokenize(self, text: str, *, begin: bool, special: bool) -> list[int]:
        """Return the tokens of a text; raises ``InvalidRequestError`` if it is too long."""
        return (await self._asked(Tokenize(self._next(), text, begin, special), Tokens)).tokens

    async def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """Return the bytes of each token, even of one that is not shown."""
        return (await self._asked(Spell(self._next(), tuple(tokens)), Pieces)).pieces

    async def embed(self, texts: Sequence[str | Sequence[int]], *, truncate: bool) -> Embedded:
        """Return the embeddings of texts; ``truncate`` cuts those that are too long.

        Cancelled, the engine stops as well. Raises ``InvalidRequestError`` for texts and models
        that cannot be embedded, and :class:`BusyError` if too many wait.
        """
        id_ = self._next()
        given = tuple(one if isinstance(one, str) else tuple(one) for one in texts)
        try:
            found = await self._asked(Embed(id_, given, truncate), Embedded)
        except asyncio.CancelledError:
            self._send(Cancel(id_))
            raise
        self.counts.prompt_tokens += found.tokens
        return found

    async def state(self) -> State:
        """Return its present state."""
        return await self._asked(Look(self._next()), State)

    async def steer(
        self, request: int, *, answer_now: bool = False, budget: int | None = None
    ) -> Steered:
        """Close the thoughts of a request, or give them a new budget."""
        return await self._asked(Steer(self._next(), request, answer_now, budget), Steered)

    def cancel(self, request: int) -> None:
        """Stop the generations of a request, if it has any left."""
        if request in self._channels:
            self._send(Cancel(request))

    def allow(self, longest: int) -> None:
        """Let the context grow to so many tokens, but no further."""
        if longest != self.longest and self.failure is None:
            self.longest = longest
            self._send(Allow(longest))

    def passed_on(self, request: int, batches: int) -> None:
        """Note that so many batches of a request were read."""
        self._send(Credit(request, batches))

    def received(self, message: Up) -> None:
        """Handle a message."""
        match message:
            case Batch():
                if isinstance(end := message.events[-1], Finish):
                    self.counts.add(end)  # before its client learns of the end
                if (channel := self._channels.get(message.id)) is not None:
                    channel.put(message)
            case Failed():
                self._fail(message.id, error_of(message))
            case Closed():
                self._channels.pop(message.id, None)
            case Opened() | Steered() | Counted() | Tokens() | Pieces() | Embedded() | State():
                if (reply := self._replies.pop(message.id, None)) and not reply.done():
                    reply.set_result(message)
            case Sized():
                self.on_context(message.context)
            case Described() | Progress() | Served():
                pass  # they come before

    def end(self, error: LocalqwqError) -> None:
        """Fail whatever is open, and whatever comes."""
        if self.failure is None:
            self.failure = error
        for id_ in [*self._replies, *self._channels]:
            self._fail(id_, error)
        self._channels.clear()

    def _next(self) -> int:
        self._last += 1
        return self._last

    async def _asked(
        self, message: Open | Steer | Count | Tokenize | Spell | Embed | Look, kind: type[_Reply]
    ) -> _Reply:
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        future: asyncio.Future[Up] = asyncio.get_running_loop().create_future()
        self._replies[message.id] = future
        try:
            self._send(message)
            reply = await future
        finally:
            self._replies.pop(message.id, None)
        if not isinstance(reply, kind):
            raise UnavailableError(f"The engine answered with {type(reply).__name__}.")
        return reply

    def _fail(self, id_: int, error: Failure) -> None:
        """Tell whoever waits for the reply, or else for the next batch."""
        if (reply := self._replies.pop(id_, None)) is not None:
            if not reply.done():
                reply.set_exception(error)
        elif (channel := self._channels.get(id_)) is not None:
            self.counts.failed += 1
            channel.put(error)
