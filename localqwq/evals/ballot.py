"""Several answers to one prompt, drawn at once until the vote on them is decided."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from localqwq.client.chat_client import ChatClient
from localqwq.client.collected import Collected
from localqwq.client.options import ChatOptions
from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message
from localqwq.verdicts.mathematics import Mathematics
from localqwq.verdicts.vote import Vote

ALL_ALIKE = "At temperature 0 all samples are the same answer."
_SEEDS = 2**31


class Ballot:
    """The answers and how they were counted."""

    def __init__(self, samples: int) -> None:
        """Set up for so many answers."""
        self.samples = samples
        self.vote = Vote(samples)
        self.answers: list[Collected] = []
        """In the order in which they came, as the vote counts them."""

    @property
    def winner(self) -> Collected:
        """The first of the answers that most agree on."""
        return self.answers[self.vote.groups[0].answers[0]]

    async def draw(
        self,
        client: ChatClient,
        messages: Sequence[Message],
        options: ChatOptions,
        on_count: Callable[["Ballot"], object],
    ) -> Collected:
        """Return the winner; ``on_count`` is called after each answer.

        The answers have the seed of the options and those after it. What cannot change the outcome
        any more is not awaited. Raises what one of the answers raises, and ``LocalqwqError`` at
        temperature 0.
        """
        if options.temperature == 0:
            raise LocalqwqError(ALL_ALIKE)
        first = random.randrange(_SEEDS) if options.seed is None else options.seed
        counting = asyncio.Lock()
        with Mathematics() as mathematics:
            self.vote = Vote(
                self.samples, mathematics.same_value if mathematics.is_installed else None
            )

            async def draw(place: int) -> None:
                collected = Collected()
                wanted = replace(options, seed=first + place)
                async with aclosing(client.chat(messages, wanted)) as events:
                    async for event in events:
                        collected.take(event)
                async with counting:  # an answer's place is the same in both
                    self.answers.append(collected)
                    await asyncio.to_thread(self.vote.add, collected.answer)
                    on_count(self)

            await self._until_decided(
                [asyncio.create_task(draw(place)) for place in range(self.samples)]
            )
        return self.winner

    async def _until_decided(self, tasks: list[asyncio.Task[None]]) -> None:
        try:
            for finished in asyncio.as_completed(tasks):
                await finished
                if self.vote.is_decided:
                    return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
