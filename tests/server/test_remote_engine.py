"""An engine at the other end of a socket: what the routes need of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Answer, Finish, Thought
from localqwq.server.engine.messages import WINDOW
from localqwq.server.engine.remote import Channel, RemoteEngine
from localqwq.server.engine.worker import Worker
from localqwq.server.http.errors import EngineLost, InvalidRequestError
from tests.servers import remote

# So hot that only the token limit ends it.
LONG = GenerationRequest(
    [{"role": "user", "content": "How many r's are in strawberry?"}],
    sampling=Sampling(temperature=5, top_p=1, top_k=0, seed=15),
    max_tokens=800,
    loop_detection=False,
    ignore_eos=True,
)
RAW = replace(LONG, messages=(), prompt="9 + 7 =", max_tokens=10)


@pytest.fixture(scope="module")
def worker(demo_gguf: Path) -> Iterator[Worker]:
    """A worker of the demo, for two requests at once."""
    with Engine.load(demo_gguf, LoadOptions(context=1024, threads=1, parallel=2)) as engine:
        worker = Worker(engine)
        yield worker
        worker.stop()
        assert worker.join(30)


@pytest.fixture
async def engine(worker: Worker) -> AsyncIterator[RemoteEngine]:
    """The same one from the server's side; it has nothing unfinished in the end."""
    async with remote(worker) as engine:
        yield engine
        async with asyncio.timeout(30):
            while (await engine.state()).unfinished:
                pass


async def finishes(channel: Channel) -> dict[int, Finish]:
    """The ends of a channel's generations."""
    ends: dict[int, Finish] = {}
    async for index, batch in channel.batches():
        if isinstance(batch[-1], Finish):
            ends[index] = batch[-1]
    return ends


async def test_finished_generations_are_counted(engine: RemoteEngine) -> None:
    """By the time that their client knows."""
    channel = await engine.open([replace(RAW, max_tokens=count) for count in (3, 12, 5)])
    ends = await finishes(channel)
    assert [ends[index].usage.completion_tokens for index in range(3)] == [3, 12, 5]
    assert engine.counts.finished == {"length": 3}
    assert engine.counts.generated_tokens == 20


async def test_a_long_answer_needs_more_than_one_window(engine: RemoteEngine) -> None:
    """Batches go on coming as they are read, and none is lost."""
    channel = await engine.open([LONG], 0.0)
    tokens = batches = 0
    async for _, batch in channel.batches():
        batches += 1
        if isinstance(batch[-1], Finish):
            tokens = batch[-1].usage.completion_tokens
    assert batches > 3 * WINDOW
    assert tokens == 800


async def test_who_does_not_read_is_sent_no_more(engine: RemoteEngine) -> None:
    """A window's batches and no more, until they are read; ending it needs no reading."""
    unread = await engine.open([LONG], 0.0)
    assert (await finishes(await engine.open([replace(LONG, max_tokens=300)], 0.0)))[0]
    assert unread._queue.qsize() <= WINDOW
    unread.end()


async def test_cancelled_while_it_is_opened(engine: RemoteEngine) -> None:
    """Nothing of it runs on."""
    opening = asyncio.create_task(engine.open([LONG]))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_a_thought_is_steered(engine: RemoteEngine) -> None:
    """It ends, and afterwards there is none to steer."""
    channel = await engine.open([replace(LONG, max_tokens=None)])
    asked = False
    async for _, batch in channel.batches():
        if not asked and isinstance(batch[-1], Thought):
            asked = True
            assert (await channel.grant(None)).done
            assert (await channel.answer_now()).done
        if isinstance(batch[-1], Finish):
            assert batch[-1].thought in ("requested", "closed")
        elif isinstance(batch[-1], Answer):
            channel.end()
    assert asked
    assert not (await channel.answer_now()).done


async def test_prompts_are_counted(engine: RemoteEngine) -> None:
    """As many tokens as the usage says, and even of one that does not fit."""
    usage = (await finishes(await engine.open([replace(LONG, max_tokens=1)])))[0].usage
    assert await engine.count(LONG) == usage.prompt_tokens
    assert await engine.count(replace(RAW, prompt="word " * 2000)) > 1024


async def test_refusals_and_texts(engine: RemoteEngine) -> None:
    """Errors keep their field; tokens and their bytes go there and back."""
    with pytest.raises(InvalidRequestError) as refused:
        await engine.open([RAW, replace(RAW, logit_bias={10**6: 1})])
    assert refused.value.param == "logit_bias"
    tokens = await engine.tokenize("é 🙂", begin=False, special=True)
    assert b"".join(await engine.pieces(tokens)).decode() == "é 🙂"


async def test_the_end_of_the_engine_is_told_to_everybody(worker: Worker) -> None:
    """To who reads, to who waits for a reply, and to who comes later; all of it is counted."""
    async with remote(worker) as engine:
        channel = await engine.open([LONG])
        reading = asyncio.create_task(finishes(channel))
        asking = asyncio.create_task(engine.state())
        await asyncio.sleep(0)
        engine.end(EngineLost("The engine crashed (signal 6)."))
        for lost in (reading, asking, engine.tokenize("a", begin=False, special=True)):
            with pytest.raises(EngineLost, match="signal 6"):
                await lost
        assert engine.counts.failed == 1
