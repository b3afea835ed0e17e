"""A random walk through the real app: keys, pastes, windows, signals and a disk that fails.

    python -m bench.walk [--steps 100000] [--seed 0] [--seconds 36000]

The app runs in a pseudo terminal against an endpoint that numbers its words. Somebody types words,
sends them, stops, opens, pastes, resizes, fills the disk and holds the store; a step is a key, a
paste, a signal or whatever else happens to the app. After some hundred of them the app is left,
told to end, or its window is closed. After each such life the terminal must be as it was before,
and every word that was typed or sent must be in the store, or in a file that the app has left.
With the same seed, the same things are done.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.walking.endpoint import Endpoint
from bench.walking.judge import check, put_into_place
from bench.walking.life import BrokenPromise, Life
from bench.walking.person import Memory, Person

STEPS_OF_A_LIFE = 500
"""On average."""


@dataclass
class Outcome:
    """What came of it."""

    steps: int = 0
    lives: int = 0
    answers: int = 0
    words: int = 0
    elsewhere: int = 0
    """Files with what could not be stored when the app was left."""


def walk(
    folder: Path,
    steps: int,
    seed: int,
    seconds: float,
    on_progress: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Goes so many steps, in no more than about so many seconds; raises BrokenPromise."""
    chance = random.Random(seed)
    deadline = time.monotonic() + seconds
    outcome, memory = Outcome(), Memory()
    places = {f"LOCALQWQ_{kind}_DIR": folder / kind.lower() for kind in ("DATA", "CONFIG", "CACHE")}
    environment = {"HOME": str(folder), **{name: str(place) for name, place in places.items()}}
    store = places["LOCALQWQ_DATA_DIR"] / "conversations.sqlite"
    with Endpoint(seed) as endpoint:
        while outcome.steps < steps and time.monotonic() < deadline:
            life = Life(endpoint.url, environment, folder)
            person = Person(life, memory, store, chance)
            try:
                person.begin()
                goal = min(chance.randrange(2 * STEPS_OF_A_LIFE), steps - outcome.steps)
                while life.steps < goal and time.monotonic() < deadline:
                    person.step()
                    life.check_alive()
                person.leave()
            except BrokenPromise:
                (folder / "drawn").write_bytes(life.drawn)
                raise
            finally:
                person.give_up()
            outcome.elsewhere += put_into_place(folder, store)
            check(store, memory, endpoint.sent)
            outcome.lives += 1
            outcome.steps += life.steps
            outcome.answers, outcome.words = len(endpoint.sent), memory.words
            on_progress(outcome)
    return outcome


def main() -> int:
    """Walk, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=36_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where everything stays")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = walk(folder, arguments.steps, arguments.seed, arguments.seconds, progress)
    print(
        f"\n{found.steps:,} steps in {found.lives} lives and {time.monotonic() - began:.0f} s: "
        f"{found.words:,} words were typed, {found.answers:,} answers came, and "
        f"{found.elsewhere} times the app left a file elsewhere. Nothing was lost, and the "
        "terminal was as before each time."
    )
    return 0


def progress(outcome: Outcome) -> None:
    """One line that moves, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{outcome.steps:,} steps ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
