"""Writers on one store, of which one after the other is killed and replaced."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.killing.judge import check_file, judge

WRITERS = 2


@dataclass
class Outcome:
    """What came of it."""

    kills: int = 0
    writing: int = 0
    """How many of the killed were writing already; the others had only begun to open the store."""
    lost: float = 0.0
    """The most seconds of tokens that one kill cost."""


@dataclass(frozen=True)
class _Writer:
    process: subprocess.Popen[bytes]
    log: Path


def kill_writers(
    folder: Path,
    kills: int,
    seed: int,
    journal_seconds: float,
    longest: float,
    on_progress: Callable[[Outcome], None],
) -> Outcome:
    """Kills so many processes, each at most `longest` seconds after the last one.

    Raises BrokenPromise when something was lost that had been promised, and whatever the store
    raises when it does not open.
    """
    chance = random.Random(seed)
    store = folder / "conversations.sqlite"
    outcome = Outcome()

    def start() -> _Writer:
        number = chance.randrange(10**9)
        log = folder / f"{number}.log"
        words = [str(store), str(log), str(number), str(journal_seconds)]
        command = [sys.executable, "-m", "bench.killing.writer", *words]
        return _Writer(subprocess.Popen(command), log)

    writers = [start() for _ in range(WRITERS)]
    try:
        while outcome.kills < kills:
            time.sleep(chance.uniform(0, longest))
            place = chance.randrange(WRITERS)
            writer = writers[place]
            killed = time.monotonic()
            writer.process.kill()
            if writer.process.wait() >= 0:
                raise RuntimeError(f"a writer ended by itself, with {writer.process.returncode}")
            outcome.kills += 1
            if writer.log.exists():
                outcome.writing += 1
                outcome.lost = max(outcome.lost, judge(store, writer.log, killed))
                writer.log.unlink()
            on_progress(outcome)
            writers[place] = start()
    finally:
        for writer in writers:
            writer.process.kill()
            writer.process.wait()
    if store.exists():
        check_file(store)
    return outcome
