"""When the tokens of a model's answer come, drawn by the app or by nobody.

    python -m bench.streaming.asking app|alone OUTPUT MODEL TOKENS THREADS

OUTPUT gets pairs of a moment and of how many there are by then, as JSON. THREADS: those of the
engine; 0 leaves them to it. Both ways use the same child process with the same flags.
"""

import asyncio
import json
import re
import signal
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from textual.widgets import Static

from localqwq.client.local_client import LocalClient
from localqwq.client.options import ChatOptions
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.reasoning.events import Answer, Thought
from localqwq.server.supervision.own_engine import own_engine
from localqwq.settings.file import SettingsFile
from localqwq.tui.app import ChatApp
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.models import ChildModel, Local
from localqwq.tui.widgets.status import StatusLine

PROMPT = "Write a very long story about a lighthouse keeper and the sea."
SEED = 7
"""Of both ways, so that they have the same to say."""
SELDOM = 1.0
"""Seconds between two chunks for who draws nothing."""
LOOK = 0.1
"""Seconds between two looks at the screen."""


Trace = list[tuple[float, int]]
"""Moments of the monotonic clock, and how many tokens there are."""


async def alone(launch: Launch, tokens: int) -> Trace:
    """When a client gets them that draws nothing, and hears of them once a second."""
    supervisor = own_engine(launch)
    client = LocalClient(await supervisor.start(), launch.name)
    trace: Trace = []
    count = 0
    options = ChatOptions(model=launch.name, max_tokens=tokens, seed=SEED, stream_interval=SELDOM)
    try:
        stream = client.chat([{"role": "user", "content": PROMPT}], options)
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Answer | Thought):
                    count += event.tokens
                    trace.append((time.monotonic(), count))
    finally:
        await client.close()
        await supervisor.stop()
    return trace


async def watch(app: ChatApp, tokens: int) -> Trace:
    """When they are on the app's screen."""
    while app.session is None or not app.screen.query_one(StatusLine).model:  # noqa: ASYNC110
        await asyncio.sleep(LOOK)
    await app.session.send(PROMPT)
    # Textual starts its driver once more at each SIGCONT; here it means that it is our turn.
    signal.signal(signal.SIGCONT, signal.SIG_DFL)
    left = app.screen.query_one(StatusLine).query_one("#left", Static)
    trace: Trace = []
    while app.session.is_answering:
        count = shown(str(left.content))
        if count and (not trace or count > trace[-1][1]):
            trace.append((time.monotonic(), count))
            if count >= tokens:
                await app.session.stop()
        await asyncio.sleep(LOOK)
    return trace


def shown(status: str) -> int:
    """The tokens of the answer that a status line names; it is drawn with what there is of it."""
    found = re.search(r"Answering ([\d,]+)", status)
    return int(found[1].replace(",", "")) if found else 0


def seen(launch: Launch, tokens: int) -> Trace:
    """Runs the app on the terminal that this process has."""
    traces: list[Trace] = []
    with tempfile.TemporaryDirectory() as folder:
        model = ChildModel(lambda: Local("SmolLM2", "", launch))
        file = SettingsFile(Path(folder) / "settings.toml")
        file.change("sampling.seed", SEED)
        app = ChatApp(model, Path(folder) / "conversations.sqlite", Beginning(), file)

        async def run() -> None:
            traces.append(await watch(app, tokens))
            app.exit()

        app.call_later(lambda: app.run_worker(run()))
        app.run()
    return traces[0]


def main() -> None:
    """Asks once."""
    way, output, model, tokens, threads = sys.argv[1:]
    launch = Launch(Path(model), "model", LoadOptions(context=4096, threads=int(threads) or None))
    count = int(tokens)
    found = seen(launch, count) if way == "app" else asyncio.run(alone(launch, count))
    Path(output).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
