"""What one more prompt costs the app in a long conversation, from Enter to the drawn answer.

    python -m bench.tui_prompt [--turns 2000] [--repeat 5] [--profile]

The whole app runs without a terminal, on a screen of 100 by 40, against an endpoint in another
process that answers at once with a short thought and a short answer. Counted is the processor time
of the app in all its threads. The same in a conversation of two turns says what of it is the
answer's; the goal is less than 0.1 s for 2,000 turns.
"""

import argparse
import asyncio
import cProfile
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.streaming.terminal import COLUMNS, ROWS
from bench.tui_opening import write
from localqwq.client.endpoints import FoundEndpoint
from localqwq.endpoint import Endpoint
from localqwq.settings.file import SettingsFile
from localqwq.tui.app import ChatApp
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.models import RemoteModel

THOUGHT, ANSWER = 60, 60
"""Tokens of each answer."""
LOOK_SECONDS, PATIENCE_SECONDS = 0.02, 60.0
REST_SECONDS = 1.5
"""What comes behind an answer is counted, too."""


async def until(condition: Callable[[], bool]) -> None:
    """Looks at a person's pace whether something has happened."""
    for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
        if condition():
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise SystemExit("The app did not come to its next step.")


def is_answered(app: ChatApp, before: int | None) -> bool:
    """Whether the conversation has gone on from where it stood."""
    return head(app) != before and app.session is not None and not app.session.is_answering


def head(app: ChatApp) -> int | None:
    """The turn at which the conversation stands."""
    opened = app.session.conversation if app.session else None
    return opened.head if opened else None


async def measure(url: str, folder: Path, turns: int, repeat: int) -> list[float]:
    """Processor seconds of each prompt, the first one left out."""
    store = folder / f"{turns}.sqlite"
    conversation = write(store, turns)
    app = ChatApp(
        RemoteModel(lambda: FoundEndpoint(Endpoint(url))),
        store,
        Beginning(conversation),
        SettingsFile(folder / "settings.toml"),
    )
    used: list[float] = []
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        await until(lambda: app.session is not None and app.session.conversation is not None)
        session = app.session
        assert session is not None
        await until(lambda: session.connection.ready is not None)
        for number in range(repeat + 1):
            await pilot.press(*f"{number}")
            await asyncio.sleep(REST_SECONDS)
            before, known = time.process_time(), head(app)
            await pilot.press("enter")
            await until(partial(is_answered, app, known))
            await asyncio.sleep(REST_SECONDS)
            used.append(time.process_time() - before)
    return used[1:]


def main() -> None:
    """Prints the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=2_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="say where it goes")
    given = parser.parse_args()
    command = [sys.executable, "-m", "bench.streaming.at_once", str(THOUGHT), str(ANSWER)]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as endpoint,
    ):
        assert endpoint.stdout is not None
        assert endpoint.stdin is not None
        url = endpoint.stdout.readline().strip()
        for turns in (2, given.turns):
            profile = cProfile.Profile()
            if given.profile and turns == given.turns:
                profile.enable()
            seconds = asyncio.run(measure(url, Path(folder), turns, given.repeat))
            if given.profile and turns == given.turns:
                profile.disable()
                pstats.Stats(profile).sort_stats("cumulative").print_stats(90)
            print(
                f"{turns:>6,} turns: {statistics.median(seconds):.3f} s of the processor "
                f"(worst {max(seconds):.3f})"
            )
        endpoint.stdin.close()


if __name__ == "__main__":
    main()
