"""Makes docs/screenshot.png: the real app, with the demo model answering.

Run it with the project's Python. It needs `rsvg-convert` (Debian: librsvg2-bin) and the font
Fira Code (fonts-firacode) to turn Textual's SVG into a PNG. The conversation is kept nowhere.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from localqwq.models.launching import launch
from localqwq.models.spec import resolve
from localqwq.tui.app import ChatApp
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.models import ChildModel, Local
from localqwq.tui.widgets.status import StatusLine
from localqwq.tui.widgets.transcript.thought import ThoughtHeader

PROMPTS = ("Which is larger, 9.9 or 9.11?", "How many r's are in the word strawberry?")
SIZE = (100, 28)
WIDTH = 1600
"""Pixels of the PNG."""
CELL = 12.2
"""Width of a character in the SVG."""
LEADING_SPACES = re.compile(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>((?:&#160;)+)')


def find() -> Local:
    """The demo model, as `localqwq chat demo` finds it."""
    resolved = resolve("demo")
    return Local(resolved.name, resolved.quant, launch(resolved, None))


async def rest(app: ChatApp, pilot: Pilot[str]) -> None:
    """Waits until the model waits for a prompt."""
    status = app.screen.query_one(StatusLine)
    while not status.model or status.activity or (app.session and app.session.is_answering):
        await pilot.pause(0.05)
    await pilot.pause(0.5)


async def converse(conversations: Path) -> str:
    """Asks the prompts, unfolds the last thought, and returns the screen as SVG."""
    app = ChatApp(ChildModel(find), conversations, Beginning())
    async with app.run_test(size=SIZE) as pilot:
        while app.session is None:
            await pilot.pause(0.05)
        await rest(app, pilot)
        for prompt in PROMPTS:
            await pilot.press(*({" ": "space"}.get(key, key) for key in prompt), "enter")
            await rest(app, pilot)
        app.screen.query(ThoughtHeader).last().action_fold()
        await pilot.pause(0.5)
        return app.export_screenshot()


def without_leading_spaces(svg: str) -> str:
    """The same picture for renderers that drop spaces at the beginning of a text."""

    def move(match: re.Match[str]) -> str:
        x, y, length, rest, spaces = match.groups()
        shift = CELL * spaces.count("&#160;")
        x, length = f"{float(x) + shift:g}", f"{float(length) - shift:g}"
        return f'x="{x}" y="{y}" textLength="{length}"{rest}>'

    return LEADING_SPACES.sub(move, svg)


def main() -> None:
    """Writes the picture beside this file."""
    with tempfile.TemporaryDirectory() as directory:
        svg = asyncio.run(converse(Path(directory) / "conversations.sqlite"))
    png = Path(__file__).with_name("screenshot.png")
    subprocess.run(
        ["rsvg-convert", "--width", str(WIDTH), "--output", str(png)],
        input=without_leading_spaces(svg).encode(),
        check=True,
    )
    print(f"{png}: {png.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
