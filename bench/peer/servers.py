"""Both servers as processes that take turns, and one client for both.

llama-server is not built here: ``--peer`` names the folder of its program.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import httpx2
import openai
import psutil

from bench.smollm2 import smollm2
from localqwq.errors import LocalqwqError

OURS, THEIRS = "ours", "llama-server"
SENTENCE = "The keeper of the lighthouse wrote down the weather, the ships and the birds. "
SENTENCE_TOKENS = 16
_START_S = 120.0
_ALONE = {"connection": "close"}
"""A server that stood still may have closed a connection meanwhile."""
_KINDS = ("DATA", "CONFIG", "CACHE")
_ASKED: dict[str, Any] = {
    "temperature": 0,
    "stream": True,
    "stream_options": {"include_usage": True},
}

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A streamed answer, seen by its client."""

    tokens: int
    first_s: float
    """From the request to the first text."""
    times: tuple[float, ...]
    """When each event with text came."""
    shown: tuple[float, ...]
    """When each event with more than white space came: an answer of ours tells of a line's end with
    the next line, because newlines at the end of an answer are left out.
    """
    text: str

    @property
    def rate(self) -> float:
        """Tokens per second after the first."""
        return (self.tokens - 1) / (self.times[-1] - self.times[0])


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, under its name in the report."""

    name: str
    client: httpx2.Client
    process: psutil.Process

    def stand_still(self) -> None:
        """Stop the server and its children until they are to go on."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let them run again."""
        self._send(signal.SIGCONT)

    def answer(self, messages: Messages, tokens: int) -> Answer:
        """Ask for exactly so many tokens, greedily, and read the stream with a plain client."""
        body = _ASKED | {"messages": list(messages), "max_tokens": tokens, "ignore_eos": True}
        began, times, usage = perf_counter(), list[float](), dict[str, Any]()
        texts = list[str]()
        with self.client.stream("POST", "/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if not line.startswith("data: {"):
                    continue
                chunk = json.loads(line.removeprefix("data: "))
                usage = chunk.get("usage") or usage
                if text := "".join(map(_text, chunk["choices"])):
                    times.append(perf_counter())
                    texts.append(text)
        count = int(usage["completion_tokens"])
        return _answer(count, began, times, texts)

    def answer_to_openai(self, messages: Messages, tokens: int) -> Answer:
        """Do the same with OpenAI's client."""
        began, times, texts, count = perf_counter(), list[float](), list[str](), 0
        with openai.OpenAI(
            base_url=str(self.client.base_url.join("/v1")),
            api_key="none",
            default_headers=_ALONE,
        ) as client:
            stream = client.chat.completions.create(
                model="any",
                messages=cast(Any, list(messages)),
                max_tokens=tokens,
                extra_body={"ignore_eos": True},
                **_ASKED,
            )
            for chunk in stream:
                count = chunk.usage.completion_tokens if chunk.usage else count
                if text := "".join(choice.delta.content or "" for choice in chunk.choices):
                    times.append(perf_counter())
                    texts.append(text)
        return _answer(count, began, times, texts)

    def _send(self, number: signal.Signals) -> None:
        for process in [self.process, *self.process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # one of the server's children that has just ended
                process.send_signal(number)


def _answer(tokens: int, began: float, times: Sequence[float], texts: Sequence[str]) -> Answer:
    shown = tuple(at for at, text in zip(times, texts, strict=True) if text.strip())
    return Answer(tokens, times[0] - began, tuple(times), shown, "".join(texts))


def _text(choice: Mapping[str, Any]) -> str:
    delta = choice["delta"]
    return delta.get("content") or delta.get("reasoning_content") or ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every comparison has."""
    parser.add_argument("--peer", type=Path, required=True, help="the folder with llama-server")
    parser.add_argument("--model", type=Path, help="a .gguf (default: SmolLM2-135M)")
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False))
    parser.add_argument("--ours", default="", help='more options for ours, such as "--flash on"')
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")


@dataclass(frozen=True, slots=True)
class Commands:
    """How both servers are started, but for their ports."""

    looks: list[str]
    """What ours runs once before, like a machine that is not new: it knows which attention is
    faster, however busy it is now.
    """
    ours: list[str]
    theirs: list[str]


def commands(arguments: argparse.Namespace, context: int, parallel: int) -> Commands:
    """Return how to start both servers with the same model."""
    model = arguments.model or smollm2()
    program = arguments.peer / "llama-server"
    if not program.is_file():
        raise LocalqwqError(f"There is no llama-server in {arguments.peer}.")
    size, threads = str(context), str(arguments.threads)
    localqwq = (sys.executable, "-m", "localqwq")
    ours = [
        *(*localqwq, "serve", str(model), "--ctx", size),
        *("--threads", threads, "--parallel", str(parallel), *arguments.ours.split()),
    ]
    theirs = [
        *(str(program), "-m", str(model), "-c", size, "-t", threads, "-np", str(parallel)),
        *("--kv-unified", "--host", "127.0.0.1"),
    ]
    return Commands([*localqwq, "plan", str(model), "--ctx", size], ours, theirs)


@contextmanager
def both(arguments: argparse.Namespace, context: int, parallel: int) -> Iterator[list[Server]]:
    """Both servers with the same model, both standing still."""
    found = commands(arguments, context, parallel)
    ours, theirs = _running(OURS, found.ours, found.looks), _running(THEIRS, found.theirs)
    with ours as first, theirs as second:
        yield [first, second]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def _running(name: str, command: Sequence[str], before: Sequence[str] = ()) -> Iterator[Server]:
    """Start a server on a free port, after another command, and wait until it is ready."""
    port = free_port()
    quiet = subprocess.DEVNULL
    url = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryDirectory() as home,
        _after(before, home),
        subprocess.Popen(
            [*command, "--port", str(port)], stdout=quiet, stderr=quiet, env=environment(home)
        ) as process,
        httpx2.Client(base_url=url, timeout=600, trust_env=False, headers=_ALONE) as client,
    ):
        server = Server(name, client, psutil.Process(process.pid))
        try:
            _wait(client, process)
            server.stand_still()
            yield server
        finally:
            server.go_on()
            process.terminate()


@contextmanager
def _after(command: Sequence[str], home: str) -> Iterator[None]:
    if command:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment(home))
    yield


def environment(home: str) -> dict[str, str]:
    """Return the environment of a server that keeps nothing beyond its end.

    Except its compiled modules: what an installed program has from its second start on.
    """
    folders = {f"LOCALQWQ_{kind}_DIR": f"{home}/{kind.lower()}" for kind in _KINDS}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **folders}


def _wait(client: httpx2.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise LocalqwqError(f"{process.args!r} did not start.")
