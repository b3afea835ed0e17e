"""A stop at any moment of an answer keeps what is stored."""

import asyncio
from pathlib import Path

import pytest

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
