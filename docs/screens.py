"""Makes docs/screens/*.png: every screen of the real app, with the demo model, large and small.

Run it with the project's Python: `python -m docs.screens`. It needs what `docs/screenshot.py`
needs. Conversations, settings and models of the person who runs it are neither shown nor changed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from docs.screenshot import rest, without_leading_spaces
from localqwq.models.launch_options import LaunchOptions
from localqwq.tui.app import ChatApp
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.local_supply import LocalSupply
from localqwq.tui.themes import use_theme
from localqwq.tui.widgets.prompt import Prompt

SIZES = {"80x24": (80, 24), "140x45": (140, 45)}
THEMES = {"dark": "localqwq-dark", "light": "localqwq-light"}
PROMPTS = ("Which is larger, 9.9 or 9.11?", "How many r's are in the word strawberry?")
PIXELS_PER_COLUMN = 10
SETTLED, SLOWLY = 0.6, 6.0
"""Seconds until lists are filled and lines are counted, and until the machine was measured."""

Scene = Callable[[ChatApp, Pilot[str]], Awaitable[None]]


def keys(*pressed: str, typed: str = "") -> Scene:
    """A scene that comes of these keys, and of what is typed after them."""

    async def press(app: ChatApp, pilot: Pilot[str]) -> None:
        await pilot.press(*pressed)
        await pilot.pause(SETTLED)
        await pilot.press(*({" ": "space", "@": "at", "/": "slash"}.get(key, key) for key in typed))

    return press


SCENES: dict[str, Scene] = {
    "chat": keys(),
    "turn": keys("f6", "up"),
    "commands": keys(typed="/th"),
    "conversations": keys("ctrl+o"),
    "search": keys("ctrl+o", typed="straw"),
    "context": keys("f5"),
    "models": keys("f3"),
    "settings": keys("f2"),
    "tools": keys("f12"),
    "help": keys("f1"),
    "palette": keys("ctrl+p", typed="th"),
    "edit": keys("f9"),
}
"""Each is left by Esc."""


async def tour(size: tuple[int, int], theme: str) -> dict[str, str]:
    """All scenes of one size and theme, as SVG."""
    pictures = {}
    with tempfile.TemporaryDirectory() as directory:
        supply, conversations = LocalSupply(), Path(directory) / "conversations.sqlite"
        app = ChatApp(
            supply.first("demo", LaunchOptions), conversations, Beginning(), supply=supply
        )
        async with app.run_test(size=size) as pilot:
            while app.session is None:
                await pilot.pause(0.05)
            use_theme(app, theme)
            await rest(app, pilot)
            pictures["welcome"] = app.export_screenshot()
            for prompt in PROMPTS:
                await pilot.press(*({" ": "space"}.get(key, key) for key in prompt), "enter")
                await rest(app, pilot)
            for name, scene in SCENES.items():
                await scene(app, pilot)
                await pilot.pause(SLOWLY if name in ("models", "tools") else SETTLED)
                pictures[name] = app.export_screenshot()
                while app.screen is not app.chat:
                    await pilot.press("escape")
                    await pilot.pause()
                assert app.chat is not None
                app.chat.query_one(Prompt).focus().clear()
                await pilot.pause()
    return pictures


def main() -> None:
    """Writes the pictures."""
    folder = Path(__file__).with_name("screens")
    folder.mkdir(exist_ok=True)
    for called, size in SIZES.items():
        for tone, theme in THEMES.items():
            for name, svg in asyncio.run(tour(size, theme)).items():
                png = folder / f"{name}-{called}-{tone}.png"
                width = str(PIXELS_PER_COLUMN * size[0])
                subprocess.run(
                    ["rsvg-convert", "--width", width, "--output", str(png)],
                    input=without_leading_spaces(svg).encode(),
                    check=True,
                )
            print(f"{called} {tone}", file=sys.stderr)


if __name__ == "__main__":
    own = Path(tempfile.gettempdir(), "localqwq")  # it is seen in the pictures
    for kind in ("DATA", "CONFIG", "CACHE"):
        os.environ[f"LOCALQWQ_{kind}_DIR"] = str(own / kind.lower())
    main()
    shutil.rmtree(own)
