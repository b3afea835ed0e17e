"""How long the pages above the chat take from the key to their first rows.

    python -m bench.tui_pages [--repeat 7]

The real app on a screen of 100 by 30, with the demo model and a folder of its own. The first time
counts by itself, since modules are imported then. The goal is 0.2 s for each.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual import events
from textual.widgets import OptionList

from localqwq.models.launch_options import LaunchOptions
from localqwq.tui.app import ChatApp
from localqwq.tui.screens.help import Lines
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.local_supply import LocalSupply
from localqwq.tui.widgets.models.list import ModelList
from localqwq.tui.widgets.settings.row import SettingRow

Taken = tuple[float, float]

SIZE = (100, 30)
REST = 0.5
"""Seconds between two looks."""


def has_rows(app: ChatApp) -> bool:
    """Whether the settings are drawn."""
    rows = app.screen.query(SettingRow)
    return bool(rows) and all(row.size for row in rows)


def has_models(app: ChatApp) -> bool:
    """Whether models are listed."""
    return any(found.option_count and found.size for found in app.screen.query(ModelList))


def has_conversations(app: ChatApp) -> bool:
    """Whether conversations are listed."""
    return any(found.option_count and found.size for found in app.screen.query(OptionList))


def has_lines(app: ChatApp) -> bool:
    """Whether the help is drawn."""
    return any(line.size for line in app.screen.query(Lines))


PAGES: dict[str, tuple[str, Callable[[ChatApp], bool]]] = {
    "settings": ("f2", has_rows),
    "models": ("f3", has_models),
    "conversations": ("ctrl+o", has_conversations),
    "help": ("f1", has_lines),
}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is going to be true."""
    for _ in range(60_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


async def filled(app: ChatApp, key: str, is_filled: Callable[[ChatApp], bool]) -> Taken:
    """Seconds, and those of the processor, from a key to a filled page, which is closed again."""
    began = time.perf_counter(), time.process_time()
    app.post_message(events.Key(key, None))
    await until(lambda: app.screen is not app.chat and is_filled(app))
    took = time.perf_counter() - began[0], time.process_time() - began[1]
    await asyncio.sleep(REST)
    app.post_message(events.Key("escape", None))
    await asyncio.sleep(REST)
    return took


async def measure(folder: Path, repeat: int) -> dict[str, list[Taken]]:
    """Seconds by page."""
    from localqwq.conversations.store import Store

    with Store(folder / "conversations.sqlite") as store:
        store.create("How long does it take?")
    supply = LocalSupply()
    app = ChatApp(
        supply.first("demo", LaunchOptions),
        folder / "conversations.sqlite",
        Beginning(),
        supply=supply,
    )
    async with app.run_test(size=SIZE):
        await until(lambda: app.session is not None and app.session.connection.ready is not None)
        await asyncio.sleep(REST)
        return {
            name: [await filled(app, key, is_filled) for _ in range(repeat)]
            for name, (key, is_filled) in PAGES.items()
        }


def main() -> None:
    """Print first times and medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        for kind in ("DATA", "CONFIG", "CACHE"):
            os.environ[f"LOCALQWQ_{kind}_DIR"] = str(Path(directory, kind.lower()))
        found = asyncio.run(measure(Path(directory), arguments.repeat))
    for name, (first, *later) in found.items():
        wall, work = (statistics.median(one) for one in zip(*later, strict=True))
        print(f"{name:>14}: {first[0]:.3f} s at first, {wall:.3f} s later", end="")
        print(f" (processor: {first[1]:.3f} s, {work:.3f} s)")


if __name__ == "__main__":
    main()
