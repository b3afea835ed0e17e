"""The child: started, ended, killed, started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from localqwq.client.client import Client
from localqwq.client.errors import EndpointLost
from localqwq.client.options import ChatOptions
from localqwq.endpoint import Endpoint
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.reasoning.events import Finish, PromptProgress
from localqwq.reasoning.messages import Message
from localqwq.server.supervision.deaths import LoadFailed, Shortage
from localqwq.server.supervision.supervisor import own_server

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


def directory(endpoint: Endpoint) -> Path:
    """Where the child's socket is."""
    assert endpoint.uds is not None
    return Path(endpoint.uds).parent


async def count_tokens(endpoint: Endpoint) -> int:
    """How many tokens an answer has that may have four."""
    async with Client(endpoint) as client:
        options = ChatOptions(max_tokens=4, seed=1)
        async with aclosing(client.chat(QUESTION, options)) as events:
            async for event in events:
                if isinstance(event, Finish):
                    return event.usage.completion_tokens
    raise AssertionError("an answer ends with Finish")


async def test_start_answer_stop(demo_gguf: Path, home: Path, children: Children) -> None:
    """Nothing is left: no process, no socket, no log."""
    supervisor = own_server(launch(demo_gguf))
    parts: list[float] = []
    endpoint = await supervisor.start(parts.append)
    assert parts == sorted(set(parts))
    assert parts[-1] == 1
    assert directory(endpoint).stat().st_mode & 0o777 == 0o700
    (child,) = children()
    assert os.getsid(child.pid) != os.getsid(0), "the terminal's Ctrl-C is not for the child"
    assert await count_tokens(endpoint) == 4
    await supervisor.stop()
    await supervisor.stop()
    assert children() == []
    assert not directory(endpoint).exists()
    assert list((home / "cache").iterdir()) == []


async def test_killed_while_it_answers(demo_gguf: Path, children: Children) -> None:
    """The client loses the stream, ``died`` says why, and a restart answers again."""
    supervisor = own_server(launch(demo_gguf))
    async with Client(await supervisor.start()) as client:
        died = asyncio.create_task(supervisor.died())
        with pytest.raises(EndpointLost):
            async for event in client.chat(QUESTION, ENDLESS):
                if not isinstance(event, PromptProgress):
                    for child in children():
                        child.send_signal(signal.SIGKILL)
    death = await asyncio.wait_for(died, 30)
    assert death.sentence == "The engine was killed (signal 9), perhaps because memory ran out."
    assert death.shortage is Shortage.LIKELY
    endpoint = await supervisor.restart()
    again = asyncio.create_task(supervisor.died())
    assert await count_tokens(endpoint) == 4
    await supervisor.stop()
    assert not again.done(), "an end that was asked for is no death"
    again.cancel()


async def test_missing_model(tmp_path: Path, children: Children) -> None:
    """The child's own sentence, and nothing left of the child."""
    with pytest.raises(LoadFailed, match=r"nothing\.gguf") as caught:
        await own_server(launch(tmp_path / "nothing.gguf")).start()
    assert caught.value.death is None, "there is no point in another attempt"
    assert children() == []


async def test_killed_while_it_loads(demo_gguf: Path, home: Path, children: Children) -> None:
    """The sentence names the log, which stays."""
    starting = asyncio.create_task(own_server(launch(demo_gguf)).start())
    (await appearing(children)).send_signal(signal.SIGKILL)
    with pytest.raises(LoadFailed, match=r"stopped while loading \(signal 9") as caught:
        await starting
    (log,) = (home / "cache").iterdir()
    assert str(log) in str(caught.value)
    assert caught.value.death is not None
    assert caught.value.death.shortage is Shortage.LIKELY


async def test_cancelled_while_it_loads(demo_gguf: Path, children: Children) -> None:
    """Whoever gives up waiting leaves no child behind."""
    starting = asyncio.create_task(own_server(launch(demo_gguf)).start())
    await appearing(children)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert children() == []


PARENT = """
import asyncio, sys
from pathlib import Path
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.server.supervision.supervisor import own_server

async def main():
    launch = Launch(Path(sys.argv[1]), "demo:Q8_0", LoadOptions(context=256, threads=1))
    print((await own_server(launch).start()).uds, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_parent_that_is_killed_leaves_nothing(demo_gguf: Path) -> None:
    """The child sees its stdin close, ends, and removes the socket and its directory."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(demo_gguf)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        socket = Path(parent.stdout.readline().strip())
        assert socket.is_socket()
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running()
    assert not socket.parent.exists()
