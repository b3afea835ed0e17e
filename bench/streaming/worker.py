"""One case on the terminal that this process has: prints CPU seconds after each 1,000 tokens.

    python -m bench.streaming.worker OUTPUT CASE TOKENS RATE LIMIT [baseline]

OUTPUT gets a JSON list of the CPU seconds that this process had used after 0, 1,000, 2,000 …
tokens were on the screen. After LIMIT CPU seconds it gives up.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Markdown

from bench.streaming.texts import tokens
from localqwq.conversations.turns import Measures, Turn
from localqwq.tui.widgets.transcript.redraw_pace import REDRAW_SECONDS
from localqwq.tui.widgets.transcript.transcript import Transcript

WINDOW = 1_000
"""Tokens."""
TICK = 0.05
"""Seconds; tokens that come within this time are given to the app one after the other."""


class Ours(App[None]):
    """The transcript, as the chat uses it."""

    def __init__(self, case: str) -> None:
        super().__init__()
        self._case = case
        self._counted = 0

    def compose(self) -> ComposeResult:
        """Nothing else on the screen."""
        yield Transcript("open")

    async def begin(self) -> None:
        """Asks, and has drawn what comes."""
        transcript = self.query_one(Transcript)
        await transcript.ask(Turn(1, None, "user", "Go on"))
        self.set_interval(REDRAW_SECONDS, transcript.draw)

    async def add(self, piece: str) -> None:
        """Shows a token."""
        self._counted += 1
        measures = Measures(tokens=self._counted, thought_tokens=self._counted)
        transcript = self.query_one(Transcript)
        if self._case == "thought":
            transcript.think(piece, measures)
        else:
            transcript.say(piece, measures)


class Textuals(App[None]):
    """Textual's own way: `MarkdownStream` in a container that follows its end."""

    CSS = "Markdown { max-width: 104; }"

    def compose(self) -> ComposeResult:
        """Nothing else on the screen."""
        with VerticalScroll():
            yield Markdown()

    async def begin(self) -> None:
        """Opens the stream."""
        self.query_one(VerticalScroll).anchor()
        self._stream = Markdown.get_stream(self.query_one(Markdown))

    async def add(self, piece: str) -> None:
        """Shows a token."""
        await self._stream.write(piece)


async def measure(
    app: Ours | Textuals, pieces: list[str], rate: float, limit: float
) -> list[float]:
    """Streams at `rate` tokens per second; returns CPU seconds after each window."""
    await app.begin()
    await asyncio.sleep(1)
    began, cpu = time.monotonic(), time.process_time()
    seen = [0.0]
    for number, piece in enumerate(pieces, 1):
        if (due := began + number / rate) > time.monotonic() + TICK:
            await asyncio.sleep(due - time.monotonic())
        await app.add(piece)
        if not number % WINDOW:
            await asyncio.sleep(0.3)  # what is on its way gets onto the screen
            began += 0.3
            seen.append(time.process_time() - cpu)
        if time.process_time() - cpu > limit:
            break
        await asyncio.sleep(0)
    return seen


def main() -> None:
    """Runs one case."""
    output, case, number, rate, limit, *baseline = sys.argv[1:]
    app = Textuals() if baseline else Ours(case)

    seen: list[float] = []

    async def run() -> None:
        seen.extend(await measure(app, tokens(case, int(number)), float(rate), float(limit)))
        app.exit()

    app.call_later(lambda: app.run_worker(run()))
    app.run()
    Path(output).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
