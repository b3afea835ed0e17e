"""The child: started, ended, killed, started again."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from localqwq.client.errors import EndpointLost
from localqwq.client.local_client import LocalClient
from localqwq.client.options import ChatOptions
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.reasoning.events import Finish, PromptProgress
from localqwq.reasoning.messages import Message
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.supervision.deaths import LoadFailed, Shortage
from localqwq.server.supervision.own_engine import own_engine

# So hot that only the context ends the answer.
ENDLESS = ChatOptions(temperature=5, top_p=1, top_k=0, seed=15)
QUESTION: list[Message] = [{"role": "user", "content": "How many r's are in strawberry?"}]

Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def children() -> Iterator[Children]:
    """The processes that the test has started and that still run; none survives it."""
    before = set(psutil.Process().children())

    def started() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if child not in before]

    yield started
    for child in started():
        child.kill()


async def appearing(children: Children) -> psutil.Process:
    """The child, as soon as there is one."""
    while not children():  # noqa: ASYNC110 (a process that starts sets no event)
        await asyncio.sleep(0.01)
    return children()[0]


def launch(model: Path) -> Launch:
    """A small context for the demo."""
    return Launch(model, "demo:Q8_0", LoadOptions(context=1024, threads=1))


async def count_tokens(engine: RemoteEngine) -> int:
    """How many tokens an answer has that may have four."""
    async with LocalClient(engine, "demo") as client:
        options = ChatOptions(max_tokens=4, seed=1)
        async with aclosing(client.chat(QUESTION, options)) as events:
            async for event in events:
                if isinstance(event, Finish):
                    return event.usage.completion_tokens
    raise AssertionError("an answer ends with Finish")


async def test_start_answer_stop(demo_gguf: Path, home: Path, children: Children) -> None:
    """Nothing is left: no process, no log."""
    supervisor = own_engine(launch(demo_gguf))
    parts: list[float] = []
    engine = await supervisor.start(parts.append)
    assert parts == sorted(set(parts))
    assert parts[-1] == 1
    assert len(parts) <= 101, "llama.cpp tells it for each tensor"
    (child,) = children()
    assert os.getsid(child.pid) != os.getsid(0), "the terminal's Ctrl-C is not for the child"
    assert await count_tokens(engine) == 4
    await supervisor.stop()
    await supervisor.stop()
    assert children() == []
    assert [one.name for one in (home / "cache").iterdir()] == ["templates.json"]


async def test_killed_while_it_answers(demo_gguf: Path, children: Children) -> None:
    """The client loses the stream, ``died`` says why, and a restart answers again."""
    supervisor = own_engine(launch(demo_gguf))
    async with LocalClient(await supervisor.start(), "demo") as client:
        died = asyncio.create_task(supervisor.died())
        with pytest.raises(EndpointLost):
            async for event in client.chat(QUESTION, ENDLESS):
                if not isinstance(event, PromptProgress):
                    for child in children():
                        child.send_signal(signal.SIGKILL)
    death = await asyncio.wait_for(died, 30)
    assert death.sentence == "The engine was killed (signal 9), perhaps because memory ran out."
    assert death.shortage is Shortage.LIKELY
    engine = await supervisor.restart()
    again = asyncio.create_task(supervisor.died())
    assert await count_tokens(engine) == 4
    await supervisor.stop()
    assert not again.done(), "an end that was asked for is no death"
    again.cancel()


async def test_missing_model(tmp_path: Path, children: Children) -> None:
    """The child's own sentence, and nothing left of the child."""
    with pytest.raises(LoadFailed, match=r"nothing\.gguf") as caught:
        await own_engine(launch(tmp_path / "nothing.gguf")).start()
    assert caught.value.death is None, "there is no point in another attempt"
    assert children() == []


async def test_killed_while_it_loads(demo_gguf: Path, home: Path, children: Children) -> None:
    """The sentence names the log, which stays."""
    starting = asyncio.create_task(own_engine(launch(demo_gguf)).start())
    (await appearing(children)).send_signal(signal.SIGKILL)
    with pytest.raises(LoadFailed, match=r"stopped while loading \(signal 9") as caught:
        await starting
    (log,) = (home / "cache").glob("*.log")
    assert str(log) in str(caught.value)
    assert caught.value.death is not None
    assert caught.value.death.shortage is Shortage.LIKELY


async def test_cancelled_while_it_loads(demo_gguf: Path, children: Children) -> None:
    """Whoever gives up waiting leaves no child behind."""
    starting = asyncio.create_task(own_engine(launch(demo_gguf)).start())
    await appearing(children)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert children() == []
