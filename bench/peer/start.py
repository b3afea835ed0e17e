"""How soon a server answers, and what it takes of the machine beside its model.

    python -m bench.peer.start --peer DIR [--model PATH] [--repeat 5]

Each round starts each server anew, with the file in the system's cache: until ``/health`` is
ready, until the first token of an answer, and then what its processes hold and how often they wake
while nobody asks. Then it is asked once for 8 tokens: ours by `localqwq ask`, llama-server by one
request, and the processor time from start to end is counted. A ratio is the median over the rounds.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

from bench.peer.programs import timed
from bench.peer.servers import OURS, THEIRS, Commands, add_options, commands, environment, free_port
from bench.recording import Figure, record
from bench.smollm2 import smollm2
from localqwq.errors import LocalqwqError

CONTEXT, TOKENS = 2048, 8
PROMPT = "Hello"
SETTLED_S, IDLE_S = 2.0, 10.0
"""Seconds without a request before memory is read, and over which wake-ups are counted."""
_PATIENCE_S = 120.0
_MIB = 1 << 20

Figures = Mapping[str, float]
HEALTH, FIRST = "/health ready, s", "first token, s"
SPENT = f"one answer of {TOKENS} tokens from start to end, processor seconds"
PROPORTIONAL, RESIDENT = "proportional memory, MiB", "resident memory, MiB"
PROCESSES, WAKES = "processes", f"wake-ups in {IDLE_S:.0f} idle seconds"
DIGITS = {HEALTH: 2, FIRST: 2, SPENT: 2}
"""Digits after the point, where there are any."""


@dataclass(frozen=True, slots=True)
class Started:
    """A server that was just started."""

    port: int
    process: psutil.Process
    began: float

    @property
    def processes(self) -> list[psutil.Process]:
        """All of its processes."""
        return [self.process, *self.process.children(recursive=True)]

    def seconds_to_health(self, patience: float = _PATIENCE_S) -> float:
        """Wait until it is ready, and return the seconds since the start."""
        while True:
            try:
                if self._status("GET", "/health", None) == http.client.OK:
                    return perf_counter() - self.began
            except OSError:
                pass
            if perf_counter() - self.began > patience or not self.process.is_running():
                raise LocalqwqError("A server did not start.")
            time.sleep(0.005)

    def seconds_to_token(self) -> float:
        """Ask for one token, and return the seconds since the start."""
        self.ask(1)
        return perf_counter() - self.began

    def ask(self, tokens: int) -> None:
        """Ask for so many tokens."""
        body = {
            "messages": [{"role": "user", "content": PROMPT}],
            "max_tokens": tokens,
            "temperature": 0,
        }
        self._status("POST", "/v1/chat/completions", json.dumps(body))

    def _status(self, method: str, path: str, body: str | None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        return response.status


@contextmanager
def started(command: Sequence[str], home: str) -> Iterator[Started]:
    """Start a server on a free port."""
    port, quiet = free_port(), subprocess.DEVNULL
    began = perf_counter()
    with subprocess.Popen(
        [*command, "--port", str(port)], stdout=quiet, stderr=quiet, env=environment(home)
    ) as process:
        try:
            yield Started(port, psutil.Process(process.pid), began)
        finally:
            process.send_signal(signal.SIGTERM)


def start(command: Sequence[str], home: str) -> Figures:
    """Start a server once, and measure it."""
    with started(command, home) as server:
        found = {HEALTH: server.seconds_to_health(), FIRST: server.seconds_to_token()}
        server.ask(TOKENS)
        time.sleep(SETTLED_S)
        memory = [process.memory_full_info() for process in server.processes]
        before = _switches(server.processes)
        time.sleep(IDLE_S)
        return found | {
            PROPORTIONAL: sum(one.pss for one in memory) / _MIB,
            RESIDENT: sum(one.rss for one in memory) / _MIB,
            PROCESSES: len(memory),
            WAKES: _switches(server.processes) - before,
        }


def _switches(processes: Sequence[psutil.Process]) -> int:
    """Return how often their threads have slept until something woke them."""
    found = 0
    for process in processes:
        for status in Path("/proc", str(process.pid), "task").glob("*/status"):
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            found += int(lines["voluntary_ctxt_switches"])
    return found


def ask_ours(arguments: argparse.Namespace, home: str) -> float:
    """Return the processor seconds of one `localqwq ask`."""
    command = [sys.executable, "-m", "localqwq", "ask", PROMPT]
    command += ["-m", str(arguments.model or smollm2()), "--ctx", str(CONTEXT)]
    command += ["--threads", str(arguments.threads), "--temperature", "0"]
    return timed([*command, "--max-tokens", str(TOKENS)], environment(home)).processor_seconds


def ask_theirs(command: Sequence[str], home: str) -> float:
    """Return the processor seconds of a server that lives for one answer; its client's are not in
    them.
    """
    before = os.times()
    with started(command, home) as server:
        server.seconds_to_health()
        server.ask(TOKENS)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def rounds(arguments: argparse.Namespace, found: Commands) -> Iterator[dict[str, Figures]]:
    """Yield the figures of each round, of both servers."""
    with tempfile.TemporaryDirectory() as home:
        quiet = subprocess.DEVNULL
        subprocess.run(found.looks, check=True, stdout=quiet, env=environment(home))
        asks: dict[str, Callable[[], float]] = {
            OURS: lambda: ask_ours(arguments, home),
            THEIRS: lambda: ask_theirs(found.theirs, home),
        }
        for command in (found.ours, found.theirs):  # the files are in the cache from here on
            start(command, home)
        for _ in range(arguments.repeat):
            yield {
                name: {**start(command, home), SPENT: asks[name]()}
                for name, command in ((OURS, found.ours), (THEIRS, found.theirs))
            }


def main() -> int:
    """Measure both in turns and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_options(parser)
    arguments = parser.parse_args()
    try:
        measured = list(rounds(arguments, commands(arguments, CONTEXT, 1)))
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    figures = list(_compared(measured))
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:6.2f}"
        print(f"{figure.what:65} {figure.value:>9} {figure.peer_value:>9} {ratio}")
    if arguments.record:
        record(
            "peer_start",
            "Starting beside llama-server",
            figures,
            command="python -m bench.peer.start",
            note="llama-server of the same source with its defaults, in turns, the model's file in "
            "the system's cache. Ours is asked once by `localqwq ask`, which starts an engine of "
            "its own; llama-server by a request, whose client is not counted.",
            model=arguments.model.stem if arguments.model else "SmolLM2-135M Q4_1",
        )
    return 0


def _compared(measured: Sequence[Mapping[str, Figures]]) -> Iterator[Figure]:
    for what in measured[0][OURS]:
        ours = statistics.median(one[OURS][what] for one in measured)
        theirs = statistics.median(one[THEIRS][what] for one in measured)
        value, peer_value = (f"{one:.{DIGITS.get(what, 0)}f}" for one in (ours, theirs))
        pairs = [(one[OURS][what], one[THEIRS][what]) for one in measured]
        is_count = what in (PROCESSES, WAKES)
        ratio = None if is_count else round(statistics.median(a / b for a, b in pairs), 2)
        yield Figure(what, value, THEIRS, peer_value, ratio)


if __name__ == "__main__":
    sys.exit(main())
