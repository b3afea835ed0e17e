"""What is typed is kept, though the store cannot take it at first."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Draft
from localqwq.errors import LocalqwqError
from localqwq.tui.session.drafts import Drafts
from localqwq.tui.session.messages import Opened
from localqwq.tui.session.store_thread import StoreThread
from tests.other_servers import Asked, Reply, listing, refusing, serving
from tests.tui.test_failing_disk import Talk

SET = BufferedStore.set_draft


async def test_what_the_store_refuses_is_tried_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older draft does not come in the place of a newer one."""
    refused = 2

    def set_draft(
        store: BufferedStore,
        conversation: int | None,
        text: str,
        attachments: tuple[Attachment, ...] | None = None,
    ) -> None:
        nonlocal refused
        if refused:
            refused -= 1
            raise LocalqwqError("made to fail")
        SET(store, conversation, text, attachments)

    monkeypatch.setattr(BufferedStore, "set_draft", set_draft)
    records = StoreThread(home / "store")
    drafts = Drafts(records)
    drafts.note(None, Draft("old"))
    await drafts.flush()
    drafts.note(None, Draft("new"))
    await drafts.flush()
    await drafts.close()
    assert (await records.do(lambda store: store.draft(None))).text == "new"
    await records.close()


async def test_a_draft_of_a_conversation_that_is_gone(home: Path) -> None:
    """It is not tried again for ever."""
    records = StoreThread(home / "store")
    drafts = Drafts(records)
    drafts.note(1, Draft("lost"))
    await asyncio.wait_for(drafts.flush(), 10)
    await asyncio.wait_for(drafts.close(), 10)
    await records.close()


@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_a_piece_that_the_store_refuses_comes_with_the_next(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """The answer is whole in the end, also when the last refusal comes behind that end."""
    refused = 0

    def append(*_: object) -> None:
        nonlocal refused
        refused += 1
        time.sleep(seconds)
        raise LocalqwqError("made to fail")

    monkeypatch.setattr(BufferedStore, "append", append)
    monkeypatch.setattr("localqwq.tui.session.answer_run.JOURNAL_SECONDS", 0.001)
    async with Talk(demo_server, home / "store") as talk:
        for _ in range(20):
            await talk.session.send("What is 12 + 30?")
            await talk.rest()
            talk.has_all(talk.words)
            if refused:  # on a busy machine an answer may come in one piece
                break
        assert refused


async def test_what_was_typed_behind_an_unanswered_prompt_comes_behind_it(
    demo_server: str, home: Path
) -> None:
    """As after a crash: both are in the prompt again, with their attachments."""
    file = home / "store"
    with Store(file) as store:
        files = (Attachment("a.txt", "A"), Attachment("b.txt", "B"))
        conversation = store.create("sent", attachments=files[:1])
        store.set_draft(conversation.id, "typed since", files[1:])
    async with Talk(demo_server, file) as talk:
        [opened] = [said for said in talk.said if isinstance(said, Opened)]
        assert (opened.draft, opened.attachments) == ("sent\ntyped since", files)


async def test_a_prompt_is_given_up_while_one_leaves(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is before what was typed since, not in its place."""
    given_up, left, move = threading.Event(), threading.Event(), BufferedStore.move_head

    def move_head(store: BufferedStore, conversation: int, head: int | None) -> None:
        given_up.set()
        assert left.wait(10)
        move(store, conversation, head)

    def reply(asked: Asked) -> Reply:
        if asked.line.endswith("/models"):
            return listing("m")
        return refusing("500 Oh no", {"error": {"message": "not now"}})

    monkeypatch.setattr(BufferedStore, "move_head", move_head)
    async with serving(reply) as server, Talk(server.url, home / "store") as talk:
        session = talk.session
        await session.send("sent", (Attachment("a.txt", "A"),))
        session.note_draft("typed since", (Attachment("b.txt", "B"),))
        await talk.until(given_up.is_set)
        conversation = session.conversation
        assert conversation is not None
        leaving = asyncio.create_task(session.show(None))
        await asyncio.sleep(0.05)
        left.set()
        await leaving
        await talk.until(lambda: not session.answers.running)
        await session.show(None)  # which stores all drafts
        draft = await session.records.do(lambda store: store.draft(conversation.id))
        assert draft == Draft(
            "sent\ntyped since", (Attachment("a.txt", "A"), Attachment("b.txt", "B"))
        )
