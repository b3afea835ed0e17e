"""``kill -9`` at random moments, and what is left of the conversations.

    python -m bench.kills [--kills 300] [--seed 0] [--full-disk]

Two processes at once use one store as the app does: they ask, journal their answers every second,
rename, delete, remove, import and search. One after the other is killed at a random moment, while
it opens the file as well, and replaced. After each kill the store is opened beside the other
writer: all that the killed one had said to be stored must be there. At the end the file and the
indexes of words are checked. It prints how much of an answer was missing at most.

With ``--full-disk`` no file of a process can grow from time to time (on Linux), and half of the
processes are not killed but left: all that they ever had must then be in the store, or in the file
that they left beside it.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.killing.run import Outcome, kill_writers

JOURNAL_SECONDS = 1.0
"""As in the app."""
LONGEST = 3.0
"""Seconds between two kills, at most."""


def main() -> int:
    """Kill, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--full-disk", action="store_true")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_writers(
            Path(folder),
            arguments.kills,
            arguments.seed,
            JOURNAL_SECONDS,
            LONGEST,
            progress,
            fill_disk=arguments.full_disk,
        )
        size = (Path(folder) / "conversations.sqlite").stat().st_size
    print(
        f"\n{outcome.kills} kills in {time.monotonic() - started:.0f} s, {outcome.writing} of them "
        f"of processes that had begun to write: the store opened each time, and everything that "
        f"had been stored was there.\nAt most {outcome.lost:.2f} s of tokens were missing, with a "
        f"journal every {JOURNAL_SECONDS:g} s; the file of {size:,} bytes is sound."
    )
    if arguments.full_disk:
        print(
            f"{outcome.left} processes left, {outcome.elsewhere} of them with a file of what they "
            "could not store; with it, not a word was missing."
        )
    return 0


def progress(outcome: Outcome) -> None:
    """One line that moves, on a terminal only."""
    if sys.stderr.isatty():
        words = f"\r{outcome.kills} kills, {outcome.lost:.2f} s lost at most "
        print(words, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
