"""The thread that steps the engine for all requests, each of which can be stopped."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.engine import scheduler
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.generation import Prepared
from localqwq.engine.llama.context import Context, Part
from localqwq.engine.load_options import LoadOptions
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event, Finish, PromptProgress
from localqwq.server.engine.messages import MAX_WAITING
from localqwq.server.engine.worker import Channel, Failure, Worker
from localqwq.server.http.errors import BusyError, InvalidRequestError, UnavailableError
from tests.inhibiting import holders, put_on_path

# So hot that only the token limit ends it.
REQUEST = GenerationRequest(
    [{"role": "user", "content": "How many r's are in strawberry?"}],
    sampling=Sampling(temperature=5, top_p=1, top_k=0, seed=15),
    max_tokens=150,
    loop_detection=False,
    ignore_eos=True,
)
LONG = replace(REQUEST, max_tokens=800)
RAW = replace(REQUEST, messages=(), prompt="9 + 7 =", max_tokens=10)
PARALLEL = 2


@pytest.fixture(scope="module")
def engine(demo_gguf: Path) -> Iterator[Engine]:
    """The demo with a small context for two requests at once."""
    with Engine.load(demo_gguf, LoadOptions(context=1024, threads=1, parallel=PARALLEL)) as engine:
        yield engine


@pytest.fixture
def worker(engine: Engine) -> Iterator[Worker]:
    """A worker that is ended with the test; it has nothing unfinished then."""
    worker = Worker(engine)
    yield worker
    worker.stop()
    assert worker.join(30)
    assert worker.unfinished == 0
    while engine.step():  # what the end of the thread has left behind
        pass


class Running:
    """A request's generations, read on the event loop."""

    channel: Channel

    def __init__(self, count: int) -> None:
        self.count = count
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[int, list[Event]] | Failure] = asyncio.Queue()

    async def batches(self) -> AsyncIterator[tuple[int, list[Event]]]:
        """As they come, until the last one's end; raises what ended one of them."""
        unfinished = self.count
        while unfinished:
            batch = await self._queue.get()
            if isinstance(batch, Exception):
                raise batch
            yield batch
            unfinished -= isinstance(batch[1][-1], Finish)

    def end(self) -> None:
        """Stop them."""
        self.channel.end()

    def opened(self) -> None:
        """They may come."""

    def ready(self, index: int) -> bool:
        """Take all of them."""
        return True

    def batch(self, index: int, events: list[Event]) -> None:
        """In the engine's thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (index, events))

    def failed(self, error: Failure) -> None:
        """In the engine's thread."""
        self._loop.call_soon_threadsafe(self._queue.put_nowait, error)

    def closed(self) -> None:
        """Nobody waits for it."""


async def opened(
    worker: Worker, requests: list[GenerationRequest], interval: float | None = None
) -> Running:
    """Open these at once."""
    running = Running(len(requests))
    running.channel = await worker.open(requests, running, interval)
    return running


async def drain(channel: Running) -> list[Event]:
    """All events of a channel, in the order of its requests."""
    events: list[list[Event]] = [[] for _ in range(channel.count)]
    async for index, batch in channel.batches():
        events[index] += batch
    return [event for own in events for event in own]


def completion_tokens(events: list[Event]) -> int:
    """What the last event counts."""
    assert isinstance(events[-1], Finish)
    return events[-1].usage.completion_tokens


async def test_stop_ends_at_the_next_token(worker: Worker) -> None:
    """Far fewer tokens than without it, and the end is an orderly one."""
    channel = await opened(worker, [LONG])
    events: list[Event] = []
    async for _, batch in channel.batches():
        events += batch
        if not isinstance(batch[-1], PromptProgress):
            channel.end()
    assert 0 < completion_tokens(events) < 800


async def test_a_request_that_never_came_keeps_nobody_busy(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was announced, so idle work waits for it; as it was given up, that goes on and ends."""
    steps = 0
    step = Engine.step

    def counted(engine: Engine) -> bool:
        nonlocal steps
        steps += 1
        return step(engine)

    monkeypatch.setattr(Engine, "step", counted)
    answered = GenerationRequest(REQUEST.messages, sampling=Sampling(temperature=0))
    channel = await opened(worker, [answered])
    async for _, batch in channel.batches():
        if isinstance(batch[0], PromptProgress):
            worker.engine.interrupt()
    before = -1
    async with asyncio.timeout(20):
        while steps != before:
            before = steps
            await asyncio.sleep(0.2)


async def test_requests_that_come_together_are_read_together(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is announced just after the first one's batch has begun, which begins again with
    both, as soon as the second one's template is rendered.
    """
    monkeypatch.setattr(scheduler, "_TOGETHER_S", 600.0)
    prompts: list[list[int]] = []
    began, announced, may_render = threading.Event(), threading.Event(), threading.Event()
    decode, announce, prepare = Context.decode, Engine.announce, Engine.prepare

    def decoded(context: Context, parts: Sequence[Part]) -> list[int]:
        prompts.append([len(part.tokens) for part in parts])
        if not began.is_set():
            began.set()
            announced.wait(60)
        elif not may_render.is_set():
            prompts.clear()  # it did not wait
        return decode(context, parts)

    def announcing(engine: Engine) -> None:
        announce(engine)
        if began.is_set():
            announced.set()

    def prepared(engine: Engine, request: GenerationRequest, *, exact: bool) -> Prepared:
        if began.is_set():
            may_render.wait(60)
        return prepare(engine, request, exact=exact)

    monkeypatch.setattr(Context, "decode", decoded)
    monkeypatch.setattr(Engine, "announce", announcing)
    monkeypatch.setattr(Engine, "prepare", prepared)
    first = await opened(worker, [replace(RAW, prompt="9 + 7 = 16, and one more is 17.")])
    await asyncio.to_thread(began.wait, 60)
    second = asyncio.create_task(opened(worker, [replace(RAW, prompt="Who are you, and why?")]))
    await asyncio.to_thread(announced.wait, 60)
    may_render.set()
    assert completion_tokens(await drain(first)) == 10
    assert completion_tokens(await drain(await second)) == 10
    alone, together, *answers = prompts
    assert len(alone) == 1
    assert together[0] == alone[0]
    assert len(together) == 2
    assert answers == [[1, 1]] * 9


async def test_events_that_come_together_share_a_batch(worker: Worker) -> None:
    """There are fewer batches than events."""
    channel = await opened(worker, [REQUEST])
    batches = [batch async for _, batch in channel.batches()]
    assert len(batches) < sum(map(len, batches))


async def test_what_a_step_brings_is_delivered_together(engine: Engine) -> None:
    """To all requests, so that whoever reads it wakes up once a step."""
    steps: list[list[int]] = []

    @contextmanager
    def together() -> Iterator[None]:
        steps.append([])
        yield
        steps.append([])  # for what comes outside of it

    class Noted(Running):
        """Notes in which context each batch comes."""

        def batch(self, index: int, events: list[Event]) -> None:
            steps[-1].append(index)
            super().batch(index, events)

    worker = Worker(engine, together=together)
    noted = Noted(2)
    await worker.open([RAW, RAW], noted, 0.0)
    assert isinstance((await drain(noted))[-1], Finish)
    worker.stop()
    assert worker.join(30)
    assert sum(map(len, steps[::2])) >= 20
    assert not any(steps[1::2])
    assert steps.count([0, 1]) >= 5


async def test_a_client_says_how_long_events_are_gathered(worker: Worker) -> None:
    """The first come at once, the last without delay, and none is lost."""
    often, seldom = [
        [batch async for _, batch in (await opened(worker, [REQUEST], interval)).batches()]
        for interval in (0.0, 600.0)
    ]
    assert len(seldom) == 2
    assert len(often) > 10
    assert completion_tokens(often[-1]) == completion_tokens(seldom[-1]) == 150


async def test_several_generations_of_one_request(worker: Worker) -> None:
    """Each has its place in the request, and they end after the last one's end."""
    requests = [replace(RAW, max_tokens=count) for count in (3, 12, 5)]
    channel = await opened(worker, requests)
    ends: dict[int, Finish] = {}
    async for index, batch in channel.batches():
        assert index not in ends
        if isinstance(batch[-1], Finish):
            ends[index] = batch[-1]
    assert [ends[index].usage.completion_tokens for index in range(3)] == [3, 12, 5]
    assert worker.unfinished == 0


async def test_a_request_that_is_stopped_while_it_waits_never_runs(worker: Worker) -> None:
    """The one after it does."""
    running = [await opened(worker, [LONG]) for _ in range(PARALLEL)]
    stopped, other = await opened(worker, [RAW]), await opened(worker, [RAW])
    for channel in (stopped, *running):
        channel.end()
    assert completion_tokens(await drain(other)) == 10
    try:
        assert completion_tokens(await drain(stopped)) == 0
    except UnavailableError as error:  # the engine had not even seen it
        assert "stopped" in str(error)


async def test_refusals_are_raised_at_once(worker: Worker) -> None:
    """With the field and OpenAI's code; one bad request of several is enough."""
    with pytest.raises(InvalidRequestError, match="context") as long:
        await opened(worker, [GenerationRequest([{"role": "user", "content": "word " * 2000}])])
    assert (long.value.param, long.value.code) == ("messages", "context_length_exceeded")
    with pytest.raises(InvalidRequestError) as bias:
        await opened(worker, [RAW, replace(RAW, logit_bias={10**6: 1})])
    assert bias.value.param == "logit_bias"
    with pytest.raises(InvalidRequestError) as prompt:
        await opened(worker, [replace(RAW, prompt="word " * 2000)])
    assert prompt.value.param == "prompt"
    assert worker.unfinished == 0


async def test_a_full_queue_lets_nobody_in(worker: Worker) -> None:
    """It says when to try again, and does so as soon as somebody has left."""
    channel = await opened(worker, [LONG] * (PARALLEL + MAX_WAITING - 1))
    last = await opened(worker, [LONG])
    with pytest.raises(BusyError, match="try again") as busy:
        await opened(worker, [RAW])
    assert 1 <= busy.value.retry_after <= 60
    for full in (channel, last):
        full.end()
    await asyncio.gather(drain(channel), drain(last), return_exceptions=True)
    assert completion_tokens(await drain(await opened(worker, [RAW]))) == 10


async def test_the_end_of_the_worker_ends_every_request(engine: Engine) -> None:
    """The running and the waiting ones, and those that come later."""
    worker = Worker(engine)
    channels = [await opened(worker, [REQUEST]) for _ in range(PARALLEL + 1)]
    await anext(channels[0].batches())
    worker.stop()
    for channel in channels:
        with pytest.raises(UnavailableError, match="shutting down"):
            await drain(channel)
    with pytest.raises(UnavailableError, match="shutting down"):
        await opened(worker, [REQUEST])
    assert worker.join(30)
    while engine.step():
        pass


class Broken(Engine):
    """An engine with a mistake in it."""

    def step(self) -> bool:
        """Fails where a request is to be served."""
        if self.running or self.waiting:
            raise ZeroDivisionError("by zero")
        return False


async def test_a_mistake_in_the_engine_is_told_to_everybody(demo_gguf: Path) -> None:
    """To the clients that wait, to those that come later, and to whoever runs the worker."""
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fail() -> None:
        loop.call_soon_threadsafe(failed.set)

    with Broken.load(demo_gguf, LoadOptions(context=256, threads=1)) as engine:
        worker = Worker(engine, fail)
        channel = await opened(worker, [RAW])
        with pytest.raises(UnavailableError, match="ZeroDivisionError: by zero"):
            await drain(channel)
        await failed.wait()
        with pytest.raises(UnavailableError, match="ZeroDivisionError"):
            await opened(worker, [RAW])
        assert worker.join(30)


async def test_the_machine_stays_awake_meanwhile(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While there is something to generate, and no longer."""
    log = put_on_path(tmp_path, monkeypatch)
    worker = Worker(engine)
    channel = await opened(worker, [LONG])
    async for _ in channel.batches():
        if log.exists():
            channel.end()
    assert log.exists()
    worker.stop()
    assert worker.join(30)
    for _ in range(200):
        if not holders():
            break
        await asyncio.sleep(0.05)
    assert not holders()
