"""A stop at any moment of an answer keeps what is stored."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.turns import Turn
from localqwq.tui.session.open_conversation import OpenConversation
from tests.tui.test_failing_disk import Talk


async def test_a_stop_at_the_end_of_an_answer(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is stored and not shown yet is shown, and the conversation goes on from it."""
    take = OpenConversation.take
    stops: list[asyncio.Task[None]] = []
    async with Talk(demo_server, home / "store") as talk:

        async def interrupted(thread: OpenConversation, turn: Turn) -> None:
            stops.append(asyncio.create_task(talk.session.stop()))
            await asyncio.sleep(0)
            await take(thread, turn)

        monkeypatch.setattr(OpenConversation, "take", interrupted)
        await talk.session.send("What is 12 + 30?")
        await talk.rest()
        await asyncio.gather(*stops)
        assert stops
        assert talk.last.role == "assistant"
        talk.has_all(talk.words)


async def test_a_stop_while_the_end_is_stored(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is whole by then, and stays where it is."""
    finish, loop = BufferedStore.finish, asyncio.get_running_loop()
    stops: list[asyncio.Task[None]] = []
    async with Talk(demo_server, home / "store") as talk:

        def interrupted(store: BufferedStore, *values: Any) -> Turn:
            stop = talk.session.stop
            loop.call_soon_threadsafe(lambda: stops.append(asyncio.create_task(stop())))
            time.sleep(0.1)
            return finish(store, *values)

        monkeypatch.setattr(BufferedStore, "finish", interrupted)
        await talk.session.send("What is 12 + 30?")
        await talk.rest()
        await asyncio.gather(*stops)
        assert stops
        assert talk.last.status == "done"
        talk.has_all(talk.words)
