"""Several answers to one request, of which the one that most agree on is returned."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from localqwq.reasoning.events import Answer, Event, Finish, ToolCall
from localqwq.reasoning.tags import Tag
from localqwq.server.http.accounts import account_of
from localqwq.server.http.chunks import ChunkWriter, Identity, chunk_head, response
from localqwq.server.http.turns import Batches
from localqwq.verdicts.mathematics import Mathematics
from localqwq.verdicts.vote import Vote

Json = dict[str, Any]


class CountedAnswers:
    """The answers that are there, and how they were counted."""

    def __init__(self, vote: Vote, samples: int) -> None:
        """Set up for so many answers."""
        self.vote = vote
        self._samples = samples
        self._answers: list[list[Event]] = []

    @property
    def winner(self) -> list[Event]:
        """The events of the first of the answers that most agree on."""
        return self._answers[self.vote.groups[0].answers[0]]

    @property
    def account(self) -> Json:
        """The token counts of all answers together."""
        ends = [events[-1] for events in self._answers]
        return account_of([end for end in ends if isinstance(end, Finish)], len(ends))

    def add(self, events: list[Event]) -> None:
        """Count an answer, which may take as long as comparing expressions does."""
        self._answers.append(events)
        self.vote.add(_said(events))

    def as_json(self) -> Json:
        """Return what is told of the vote."""
        return {
            "answers": self.vote.count,
            "of": self._samples,
            "agreement": self.vote.agreeing,
            "votes": [
                {"result": group.result, "answers": len(group.answers)}
                for group in self.vote.groups
            ],
        }


async def counted(batches: Batches, samples: int) -> AsyncGenerator[CountedAnswers, None]:
    """Yield the count after the first events, and again after each answer, until it is decided."""
    events: list[list[Event]] = [[] for _ in range(samples)]
    is_first = True
    with Mathematics() as mathematics:
        same_value = mathematics.same_value if mathematics.is_installed else None
        count = CountedAnswers(Vote(samples, same_value), samples)
        async for index, batch in batches:
            events[index] += batch
            is_whole = isinstance(batch[-1], Finish)
            if is_whole:
                await asyncio.to_thread(count.add, events[index])
            if is_whole or is_first:
                yield count
            is_first = False
            if count.vote.is_decided:
                return


async def voted(identity: Identity, batches: Batches, samples: int) -> Json:
    """Return the whole response to a request without a stream."""
    async with aclosing(counted(batches, samples)) as counts:
        async for count in counts:
            last = count
    return response(identity, last.winner) | last.account | {"vote": last.as_json()}


async def voted_chunks(
    identity: Identity, batches: Batches, samples: int, *, usage: bool
) -> AsyncGenerator[list[Json], None]:
    """Yield the chunks of a stream: how far the vote is, then the winner at once."""
    head = chunk_head(identity)
    async with aclosing(counted(batches, samples)) as counts:
        async for count in counts:
            last = count
            yield [head | {"choices": [], "vote": count.as_json()}]
    writer = ChunkWriter(identity, usage=False, progress=False)
    yield writer.write(last.winner)
    if usage:
        yield [head | {"choices": []} | last.account]


def _said(events: Sequence[Event]) -> str:
    """Return what an answer says: its text without a thought that is in it, or its calls."""
    calls = [f"{one.name}({one.arguments})" for one in events if isinstance(one, ToolCall)]
    text = "".join(event.text for event in events if isinstance(event, Answer))
    return "\n".join(calls) or text.rpartition(Tag.THINK_CLOSE.value)[2].strip()
