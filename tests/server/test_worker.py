"""The thread that owns the engine: one request after the other, each of which can be stopped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event, Finish, PromptProgress
from localqwq.server.schema import InvalidRequestError
from localqwq.server.worker import Channel, Worker

# So hot that only the token limit ends it.
REQUEST = GenerationRequest(
    [{"role": "user", "content": "How many r's are in strawberry?"}],
    sampling=Sampling(temperature=5, top_p=1, top_k=0, seed=15),
    max_tokens=400,
)


@pytest.fixture(scope="module")
def engine(demo_gguf: Path) -> Iterator[Engine]:
    """The demo with a small context."""
    with Engine.load(demo_gguf, context=1024, threads=1) as engine:
        yield engine


@pytest.fixture
def worker(engine: Engine) -> Iterator[Worker]:
    """A worker that is ended with the test."""
    worker = Worker(engine)
    yield worker
    worker.stop()
    assert worker.join(30)


async def drain(channel: Channel) -> list[Event]:
    """All events of a channel."""
    return [event async for batch in channel.batches() for event in batch]


def completion_tokens(events: list[Event]) -> int:
    """What the last event counts."""
    assert isinstance(events[-1], Finish)
    return events[-1].usage.completion_tokens


async def test_stop_ends_at_the_next_token(worker: Worker) -> None:
    """Far fewer tokens than without it, and the end is an orderly one."""
    full = completion_tokens(await drain(worker.submit(REQUEST)))
    channel = worker.submit(REQUEST)
    events: list[Event] = []
    async for batch in channel.batches():
        events += batch
        if not isinstance(batch[-1], PromptProgress):
            channel.stop.set()
    assert 0 < completion_tokens(events) < full


async def test_events_that_come_together_share_a_batch(worker: Worker) -> None:
    """There are fewer batches than events."""
    batches = [batch async for batch in worker.submit(REQUEST).batches()]
    assert len(batches) < sum(map(len, batches))


async def test_a_request_that_is_stopped_while_it_waits_never_runs(worker: Worker) -> None:
    """Those before and after it do."""
    channels = [worker.submit(REQUEST) for _ in range(3)]
    channels[1].stop.set()
    for channel in (channels[0], channels[2]):
        assert completion_tokens(await drain(channel)) > 0


async def test_a_refusal_comes_before_any_event(worker: Worker) -> None:
    """A prompt longer than the context."""
    long = GenerationRequest([{"role": "user", "content": "word " * 2000}])
    with pytest.raises(InvalidRequestError, match="context"):
        await drain(worker.submit(long))


async def test_the_end_of_the_worker_ends_every_request(engine: Engine) -> None:
    """The running and the waiting one."""
    worker = Worker(engine)
    channels = [worker.submit(REQUEST) for _ in range(2)]
    await anext(channels[0].batches())
    worker.stop()
    for channel in channels:
        with pytest.raises(LocalqwqError, match="shutting down"):
            await drain(channel)
    assert worker.join(30)
