"""Generating the turns that the APIs ask for, each as a chat completion request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from starlette.types import Message, Receive

from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event
from localqwq.server.engine.remote import Channel, RemoteEngine
from localqwq.server.http.choices import several
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.prefix_loss import PrefixLoss
from localqwq.server.http.prefixes import Prefixes
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.streams import stopped_with_client
from localqwq.server.http.thought_format import ThoughtFilter
from localqwq.server.http.thoughts import RunningThoughts

Batches = AsyncIterator[tuple[int, list[Event]]]
"""Simultaneous events with the index of their choice."""
Hold = Callable[[], AbstractContextManager[None]]


class Turns:
    """Generates turns for chat completion requests, and counts the tokens of their prompts."""

    def __init__(
        self,
        engine: RemoteEngine,
        sampling: Sampling,
        defaults: RequestDefaults,
        thoughts: RunningThoughts,
        hold: Hold,
    ) -> None:
        """Set up; ``sampling`` and ``defaults`` apply if a request says nothing else.

        ``thoughts`` registers running turns, ``hold`` keeps the model in memory while nobody waits.
        """
        self._hold = hold
        self._engine = engine
        self._sampling = sampling
        self._defaults = defaults
        self._thoughts = thoughts
        self._prefixes = Prefixes(
            engine.counts, lambda text: engine.tokenize(text, begin=False, special=False)
        )

    @asynccontextmanager
    async def running(
        self, request: ChatRequest, id_: str, receive: Receive
    ) -> AsyncIterator[Batches]:
        """Generate the request's choices while the context lasts and its client is there.

        Yields their events, with thoughts where the client wants them. ``id_`` is what the client
        knows the turn by. Raises what :meth:`RemoteEngine.open` raises.
        """
        request = self._defaults.fill(request)
        requests = several(request.generation(self._sampling), request.n)
        with request.naming_form():
            channel = await self._engine.open(requests, request.stream_interval)
        async with stopped_with_client(channel, receive):
            with self._thoughts.listed(id_, channel):
                yield self._told(channel, request, self._prefixes.noted(request))

    @asynccontextmanager
    async def unattended(self, request: ChatRequest, id_: str) -> AsyncIterator[Batches]:
        """Generate as :meth:`running` does, for a request that has been answered already."""
        with self._hold():
            async with self.running(request, id_, _nobody_leaves) as batches:
                yield batches

    async def count(self, request: ChatRequest) -> int:
        """Return the number of tokens of the request's prompt, even if they do not fit."""
        request = self._defaults.fill(request)
        with request.naming_form():
            return await self._engine.count(request.generation(self._sampling))

    async def _told(
        self, channel: Channel, request: ChatRequest, loss: PrefixLoss | None
    ) -> Batches:
        told = [ThoughtFilter(request.thoughts_told) for _ in range(request.n or 1)]
        async for index, batch in channel.batches():
            if index == 0:
                await self._prefixes.told(loss, batch)
            yield index, told[index].feed(batch)


async def _nobody_leaves() -> Message:
    """Receive nothing: there is no client to go away."""
    await asyncio.Event().wait()
    raise AssertionError
