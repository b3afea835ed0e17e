"""The app asks the server that is running, if it has the model."""

import asyncio
from pathlib import Path

import pytest

from localqwq.children import Child
from localqwq.client.options import ChatOptions
from localqwq.locations import packs_directory
from localqwq.models.launch_options import LaunchOptions
from localqwq.packs.store.store import Store
from localqwq.reasoning.events import Finish
from localqwq.reasoning.messages import Message
from localqwq.tui.session.connection import Connection
from localqwq.tui.session.local_supply import LocalSupply
from localqwq.tui.session.messages import ContextKnown, Report
from tests.all_models import serving
from tests.chatting import chat
from tests.child_processes import children_with

HELLO: list[Message] = [{"role": "user", "content": "Hello"}]
GONE = "The server that had the model has ended, so it is being loaded again."


@pytest.mark.parametrize("options", [LaunchOptions(), LaunchOptions(context=256)])
async def test_who_has_the_model(demo_gguf: Path, options: LaunchOptions) -> None:
    """The server, unless something else is said about loading it; then a child of the app."""
    for name in ("first", "second"):
        Store(packs_directory()).add(demo_gguf, name=name)
    known = asyncio.Event()

    def post(report: Report) -> None:
        if isinstance(report, ContextKnown):
            known.set()

    with serving("default") as server:
        connection = Connection(LocalSupply().first("second", lambda: options), post)
        try:
            client = await connection.client()
            await known.wait()
            assert (connection.label, connection.served) == ("second Q8_0", "second:Q8_0")
            assert await client.count("Hello", connection.served) > 0
            asked = ChatOptions(model=connection.served, max_tokens=3)
            *_, end = [event async for event in client.chat(HELLO, asked)]
            assert isinstance(end, Finish)
            assert end.usage.completion_tokens == 3
            own = children_with(Child.ENGINE)
            by_server, states = server.generated({}), server.states()
            assert (len(own), by_server) == ((1, 0) if options.context else (0, 3))
            assert states["first:Q8_0"] == "asleep"  # nothing was asked of the default model
            assert states["second:Q8_0"] == ("asleep" if options.context else "ready")
        finally:
            await connection.close()


async def test_a_server_that_ends_takes_nothing_along(rambler: Path, home: Path) -> None:
    """Killed in the midst of a thought: one line, what is there is kept, and the app goes on with a
    child of its own.
    """
    for name in ("first", "second"):
        Store(packs_directory()).add(rambler, name=name)
    model = LocalSupply().first("second", lambda: LaunchOptions())
    with serving("default", "--ctx", "16384") as server:
        async with chat(model, home / "store") as app:
            await app.type("Go on")
            await app.pilot.press("enter")
            await app.until(app.is_thinking)
            server.kill()
            await app.until(lambda: GONE in app.text())
            await app.until(app.is_idle)
            prompt, lost = app.turns()
            assert (prompt.text, lost.status) == ("Go on", "lost")
            assert lost.thought
            await app.type("And on")
            await app.pilot.press("enter")
            await app.until(app.is_thinking)
            assert app.engine().is_running()
            assert app.text().count(GONE) == 1
            await app.pilot.press("escape")
            await app.until(app.is_idle)
            assert [turn.status for turn in app.turns()] == ["done", "lost", "done", "stopped"]
