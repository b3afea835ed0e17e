"""Writers on one store, of which one after the other is ended and replaced."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.killing.judge import BrokenPromise, Line, check_file, judge
from localqwq.conversations import unsaved
from localqwq.conversations.store import Store

WRITERS = 2
FULL_BYTES = 128 * 1024
"""No file can grow beyond that while a disk is full."""


@dataclass
class Outcome:
    """What came of it."""

    kills: int = 0
    writing: int = 0
    """How many of the killed were writing already; the others had only begun to open the store."""
    lost: float = 0.0
    """The most seconds of tokens that one kill cost, where the disk was not full."""
    left: int = 0
    """How many were told to leave."""
    elsewhere: int = 0
    """How many of these wrote what they could not store to another file."""


@dataclass
class Writer:
    """A process, and what it says."""

    process: subprocess.Popen[bytes]
    is_full: bool = False
    """Whether its disk is full at this moment, or was while it ran."""
    was_full: bool = False
    said: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._listen)
        self._reader.start()

    def fill(self, *, full: bool) -> None:
        """Fills its disk, or makes room on it."""
        largest = FULL_BYTES if full else resource.RLIM_INFINITY
        limit = largest, resource.RLIM_INFINITY
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, limit)
        self.is_full = full
        self.was_full |= full

    def wait(self) -> None:
        """Waits until it has begun to write."""
        while not self.said and self.process.poll() is None:
            time.sleep(0.01)

    def end(self, number: signal.Signals) -> int:
        """Ends it by a signal; returns its exit code once everything is here that it has said."""
        self.process.send_signal(number)
        code = self.process.wait()
        self._reader.join()
        return code

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if line.rstrip().endswith(b"}"):
                    self.said.append(json.loads(line))


def kill_writers(
    folder: Path,
    kills: int,
    seed: int,
    journal_seconds: float,
    longest: float,
    on_progress: Callable[[Outcome], None],
    *,
    fill_disk: bool = False,
) -> Outcome:
    """Ends so many processes, each at most `longest` seconds after the last one.

    `fill_disk`: the disk of each is full from time to time, and half of them are not killed, but
    told to leave (Linux only). Raises BrokenPromise when something was lost that had been
    promised, and whatever the store raises when it does not open.
    """
    chance = random.Random(seed)
    store = folder / "conversations.sqlite"
    outcome = Outcome()

    def start() -> Writer:
        words = [str(store), str(chance.randrange(10**9)), str(journal_seconds)]
        command = [sys.executable, "-m", "bench.killing.writer", *words]
        environment = {**os.environ, "HOME": str(folder)}
        return Writer(subprocess.Popen(command, stdout=subprocess.PIPE, env=environment))

    writers = [start() for _ in range(WRITERS)]
    try:
        while outcome.kills + outcome.left < kills:
            time.sleep(chance.uniform(0, longest))
            place = chance.randrange(WRITERS)
            if fill_disk:
                other = writers[1 - place]
                other.fill(full=not other.is_full)
            if fill_disk and chance.random() < 0.5:
                writers[place].wait()
                _leave(writers[place], folder, outcome)
            else:
                _kill(writers[place], store, outcome)
            on_progress(outcome)
            writers[place] = start()
    finally:
        for writer in writers:
            writer.end(signal.SIGKILL)
    if store.exists():
        check_file(store)
    return outcome


def _kill(writer: Writer, store: Path, outcome: Outcome) -> None:
    killed = time.monotonic()
    if writer.end(signal.SIGKILL) >= 0:
        raise RuntimeError(f"a writer ended by itself, with {writer.process.returncode}")
    outcome.kills += 1
    if writer.said:
        outcome.writing += 1
        lost = judge(store, writer.said, killed)
        if not writer.was_full:
            outcome.lost = max(outcome.lost, lost)


def _leave(writer: Writer, folder: Path, outcome: Outcome) -> None:
    """Tells a writer to end, and puts what it could not store into its place."""
    if (code := writer.end(signal.SIGTERM)) != 0:
        raise RuntimeError(f"a writer that was told to leave ended with {code}")
    outcome.left += 1
    store = folder / "conversations.sqlite"
    for path in folder.glob("localqwq-unsaved-*.json"):
        outcome.elsewhere += 1
        changes = unsaved.read_file(path)
        assert changes is not None
        with Store(store) as written:
            unsaved.add(changes, written)
        path.unlink()
    if lost := judge(store, writer.said, time.monotonic()):
        raise BrokenPromise(f"{lost:.2f} s of tokens are missing after leaving")
