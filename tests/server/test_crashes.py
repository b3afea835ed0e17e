"""``localqwq serve`` when its engine dies: killed, aborted, out of memory."""

import asyncio
import http.client
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from localqwq.client.client import Client
from localqwq.client.errors import EndpointLost
from localqwq.client.options import ChatOptions
from localqwq.endpoint import Endpoint
from localqwq.reasoning.messages import Message
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.child_processes import children_with

FLASH = ("--flash", "on")
"""Memory must not depend on whether attention was measured, and on what was found."""
# So hot that only the context ends the answer.
ENDLESS = ChatOptions(temperature=5, top_p=1, top_k=0, seed=15)
QUESTION: list[Message] = [{"role": "user", "content": "How many r's are in strawberry?"}]
limits_memory = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="limits of other processes are Linux's"
)
RESTARTED = "It is being started again"

# Ends an engine as a failed assertion in llama.cpp would, with ggml's own abort.
ABORTING = """
import signal

def abort(number, frame):
    from llama_cpp._ggml import libggml
    libggml.ggml_abort(b"crash.c", 7, b"the tests want it")

signal.signal(signal.SIGUSR1, abort)
"""


@pytest.fixture(scope="module")
def hungry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with 12 KiB of KV cache per token: 384 MiB for the longest context."""
    directory = tmp_path_factory.mktemp("hungry")
    checkpoint = make_checkpoint(directory / "checkpoint", layers=12, kv_heads=4, context=32_768)
    convert(checkpoint, directory / "pack", ["Q8_0"], name="hungry")
    return directory / "pack" / "hungry-Q8_0.gguf"


class Service:
    """A running ``localqwq serve``."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.said: list[str] = []

    def engine(self) -> psutil.Process:
        """The child, as soon as there is one."""
        while True:
            for child in children_with("localqwq.server.engine", psutil.Process(self.process.pid)):
                return child
            time.sleep(0.01)  # a process that starts sets no event

    def says(self, words: str) -> str:
        """The next line on stderr that has ``words``."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if words in line:
                return line
        raise AssertionError(f"it never said {words!r}, but {self.said}")

    def ask(self) -> httpx2.Response:
        """A short answer, or the error that there is none."""
        body = {"messages": QUESTION, "max_tokens": 2}
        return httpx2.post(f"{self.url}/v1/chat/completions", json=body, timeout=60)

    def load(self) -> dict[str, Any]:
        """How the model is loaded."""
        load: dict[str, Any] = httpx2.get(f"{self.url}/props", timeout=60).json()["load"]
        return load

    def kill_while_it_answers(self) -> None:
        """kill -9, and our client says that the engine was lost, in the server's words."""

        async def lose() -> None:
            async with Client(Endpoint(self.url)) as client:
                events = client.chat(QUESTION, ENDLESS)
                await anext(events)
                self.engine().kill()
                async for _ in events:
                    pass

        with pytest.raises(EndpointLost, match=r"The engine was killed \(signal 9\)"):
            asyncio.run(lose())


def status_of_health(connection: http.client.HTTPConnection) -> int:
    """Over a connection that stays open."""
    connection.request("GET", "/health")
    with connection.getresponse() as reply:
        reply.read()
        return reply.status


@contextmanager
def serving(model: Path, context: int, **environment: str) -> Iterator[Service]:
    """A service that answers; nothing of it is left in the end."""
    command = [sys.executable, "-m", "localqwq", "serve", str(model)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*command, "--port", "0", "--ctx", str(context), *FLASH],
        stdout=pipe,
        stderr=pipe,
        text=True,
        env=os.environ | environment,
    )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        assert url, process.communicate()
        started = psutil.Process(process.pid).children(recursive=True)
        try:
            yield Service(process, url)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
                assert process.stdout.read() == ""
        finally:
            process.kill()
            _, alive = psutil.wait_procs(started, timeout=30)
            for child in alive:
                child.kill()
        assert alive == []


def ask_within(limit: int, model: Path) -> subprocess.CompletedProcess[str]:
    """``localqwq ask`` whose processes may have so many bytes of addresses each."""
    command = ["ulimit", "-v", str(limit >> 10), "&&", "exec", sys.executable, "-m", "localqwq"]
    command += ["ask", "Hello", "-m", str(model), "--ctx", "32768", "--max-tokens", "2", *FLASH]
    environment = os.environ | {"MALLOC_ARENA_MAX": "1"}
    return subprocess.run(
        ["sh", "-c", " ".join(command)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_killed_while_it_answers(rambler: Path) -> None:
    """The stream ends with a sentence, which the terminal shows, too; connections stay."""
    with serving(rambler, 16_384) as service:
        killed = service.engine()
        connection = http.client.HTTPConnection(service.url.removeprefix("http://"))
        assert status_of_health(connection) == 200
        socket = connection.sock
        service.kill_while_it_answers()
        line = service.says(RESTARTED)
        assert (
            line
            == f"The engine was killed (signal 9), perhaps because memory ran out. {RESTARTED}.\n"
        )
        service.says("The engine answers again.")
        assert service.ask().status_code == 200
        assert service.engine().pid != killed.pid
        assert status_of_health(connection) == 200
        assert connection.sock is socket, "no other connection broke"
        connection.close()


def test_a_native_abort(demo_gguf: Path, tmp_path: Path, home: Path) -> None:
    """ggml's own: its words are in the log that the sentence names."""
    (tmp_path / "sitecustomize.py").write_text(ABORTING)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    with serving(demo_gguf, 256, PYTHONPATH=path) as service:
        service.engine().send_signal(signal.SIGUSR1)
        line = service.says(RESTARTED)
        assert line.startswith("The engine crashed (signal 6); its last messages are in ")
        (log,) = (home / "cache").glob("engine-*.log")
        assert str(log) in line
        assert "the tests want it" in log.read_text(errors="replace")
        service.says("answers again")
        assert service.ask().status_code == 200


@limits_memory
def test_no_memory_for_the_next_engine(hungry: Path) -> None:
    """It goes by the next plan down, and that is said; so does the first one of ``ask``."""
    # One arena: what malloc keeps in reserve for further threads counts as used.
    with serving(hungry, 32_768, MALLOC_ARENA_MAX="1") as service:
        engine = service.engine()
        too_little = engine.memory_info().vms - (120 << 20)  # Q8_0 takes 180 less
        resource.prlimit(service.process.pid, resource.RLIMIT_AS, (too_little, too_little))
        engine.kill()
        assert service.says(RESTARTED).endswith("again.\n")
        line = service.says(RESTARTED)
        assert "384.00 MB" in line
        assert "again with the KV cache in Q8_0 instead of F16" in line
        service.says("answers again")
        assert service.ask().status_code == 200
        load = service.load()
        assert load["context"] == 32768, "it was asked for"
        assert load["kv_type"] == "q8_0"
        refused = ask_within(too_little, hungry)
        assert refused.returncode == 0
        first, *_ = refused.stderr.splitlines()
        assert "384.00 MB" in first
        assert "Trying again with the KV cache in Q8_0 instead of F16" in first


@limits_memory
def test_no_memory_while_it_runs(hungry: Path) -> None:
    """An engine that can allocate nothing ends, instead of refusing every connection for ever."""
    with serving(hungry, 32_768, MALLOC_ARENA_MAX="1") as service:
        engine = service.engine()
        less = engine.memory_info().vms - (64 << 20)  # what it gives back does not help it
        resource.prlimit(engine.pid, resource.RLIMIT_AS, (less, less))
        # What it has freed itself may be enough for some answers.
        refused = next(reply for _ in range(100) if (reply := service.ask()).status_code != 200)
        assert refused.status_code == 503
        assert "memory" in refused.json()["error"]["message"]
        line = service.says(RESTARTED)
        assert "again with the KV cache in Q8_0 instead of F16" in line
        service.says("answers again")
        assert service.ask().status_code == 200


def test_it_gives_up(demo_gguf: Path) -> None:
    """After the fifth death, with status 1 and a sentence."""
    with serving(demo_gguf, 256) as service:
        for _ in range(4):
            service.engine().kill()
            service.says(RESTARTED)
        service.engine().kill()
        line = service.says("error: ")
        assert line.endswith("That was the 5th time within five minutes, so the server ends.\n")
        assert service.process.wait(30) == 1


def test_a_model_that_has_gone(demo_gguf: Path, tmp_path: Path) -> None:
    """What no restart changes ends it at once, with the engine's sentence."""
    model = tmp_path / "mine.gguf"
    model.write_bytes(demo_gguf.read_bytes())
    with serving(model, 256) as service:
        model.unlink()
        service.engine().kill()
        assert "mine.gguf" in service.says("error: ")
        assert service.process.wait(30) == 1


def test_the_engine_ends_with_a_killed_service(demo_gguf: Path) -> None:
    """The child sees its stdin close."""
    with serving(demo_gguf, 256) as service:
        service.process.kill()
        assert service.process.wait(30) == -signal.SIGKILL
