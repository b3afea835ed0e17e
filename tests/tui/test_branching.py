"""Turns are answered again, changed, gone on with, walked among and taken away."""

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.widgets import TextArea

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Conversation, Draft, siblings
from localqwq.tui.screens.edit import EditScreen
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.context_bar import ContextBar
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.tui.widgets.transcript.turns import UserTurn
from tests.chatting import Chat, chat, served

QUESTION = "What is 12 + 30?"
OTHER = "What is 20 + 21?"


async def edit(app: Chat, text: str) -> None:
    """Changes the text in the popup and goes on with it."""
    await app.until(lambda: isinstance(app.app.screen, EditScreen))
    app.app.screen.query_one(TextArea).load_text(text)
    await app.pilot.press("ctrl+s")


async def test_an_answer_is_given_once_more(demo_server: str, home: Path) -> None:
    """Ctrl+R makes a branch; Alt+Left and Alt+Right walk between the two."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        first = app.turns()[-1]
        await app.pilot.press("ctrl+r")
        await app.until(lambda: app.turns()[-1].id != first.id and app.is_idle())
        second = app.turns()[-1]
        assert app.conversation().turns[first.id] == first
        assert [turn.id for turn in siblings(app.conversation().turns, second.id)] == [
            first.id,
            second.id,
        ]
        assert len(app.chat.query(UserTurn)) == 1
        await app.until(lambda: "2/2" in app.text())
        await app.pilot.press("alt+left")
        await app.until(lambda: app.turns()[-1].id == first.id and "1/2" in app.text())
        await app.pilot.press("alt+left")
        assert app.turns()[-1].id == first.id
        await app.pilot.press("alt+right")
        await app.until(lambda: app.turns()[-1].id == second.id)


async def test_a_prompt_is_changed_and_asked(demo_server: str, home: Path) -> None:
    """F9 edits the last prompt; the old one and its answer stay as a branch, the draft as well."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        old = app.turns()
        await app.type("draft")
        await app.pilot.press("f9")
        await edit(app, OTHER)
        await app.until(lambda: app.turns()[0].text == OTHER and len(app.turns()) == 2)
        await app.until(app.is_idle)
        assert all(turn.id in app.conversation().turns for turn in old)
        await app.until(
            lambda: [view.turn.text for view in app.chat.query(UserTurn) if view.turn] == [OTHER]
        )
        assert app.prompt.text == "draft"


async def test_a_thought_is_changed_and_goes_on(demo_server: str, home: Path) -> None:
    """The branch begins with the person's words; the answer follows from there."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        old = app.turns()[-1]
        app.chat.action_command("edit_thought")
        words = old.thought.splitlines()[0] + "\n"
        await edit(app, words)
        await app.until(lambda: app.turns()[-1].id != old.id and app.is_idle())
        new = app.turns()[-1]
        assert new.thought.startswith(words)
        assert len(new.thought) > len(words)
        assert new.text
        assert new.thought.count(words) == 1
        assert new.measures.thought_tokens > 0


async def test_an_answer_is_changed_and_goes_on(demo_server: str, home: Path) -> None:
    """With its thought as it was; leaving the popup changes nothing."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        old = app.turns()[-1]
        app.chat.action_command("edit_answer")
        await app.until(lambda: isinstance(app.app.screen, EditScreen))
        await app.pilot.press("escape")
        await app.until(lambda: app.app.screen is app.chat)
        assert app.turns()[-1] == old
        app.chat.action_command("edit_answer")
        await edit(app, "The sum")
        await app.until(lambda: app.turns()[-1].id != old.id and app.is_idle())
        new = app.turns()[-1]
        assert new.thought == old.thought
        assert new.text.startswith("The sum")
        await app.until(lambda: new.text in app.text())


async def test_turns_are_removed_and_come_back(demo_server: str, home: Path) -> None:
    """With what follows them; the transcript shows what is left."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        await app.ask(OTHER)
        turns = app.turns()
        app.chat.action_command("remove")
        await app.until(lambda: len(app.chat.query(UserTurn)) == 1)
        assert app.turns() == turns[:2]
        app.chat.action_command("undo")
        await app.until(lambda: len(app.chat.query(UserTurn)) == 2)
        assert app.turns() == turns


async def test_single_keys_in_the_transcript(demo_server: str, home: Path) -> None:
    """F6 goes there: q quotes a part, r answers again; Escape goes back to the prompt."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        answer = app.turns()[-1]
        await app.pilot.press("f6")
        assert app.chat.query_one(Transcript).has_focus
        await app.pilot.press("end", "q")
        await app.until(lambda: app.prompt.text == f"> {answer.text}\n\n")
        assert app.prompt.has_focus
        await app.pilot.press("f6", "r")
        await app.until(lambda: app.turns()[-1].id != answer.id and app.is_idle())
        await app.pilot.press("escape")
        assert app.prompt.has_focus


async def test_drafts_outlive_the_app_and_belong_to_their_conversation(
    demo_server: str, home: Path
) -> None:
    """What was typed and not sent is there again, each where it was typed, the last first."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        await app.type("half a thou")
        await app.pilot.press("ctrl+n")
        await app.until(lambda: not app.chat.query(UserTurn) and not app.prompt.text)
        await app.type("new words")
        app.prompt.post_message(events.Paste("a note\n" * 40))
        await app.until(lambda: bool(app.chat.query_one(Composer).attachments))
    async with chat(served(demo_server), home / "store") as app:
        await app.until(lambda: app.prompt.text == "new words")
        [attachment] = app.chat.query_one(Composer).attachments
        assert attachment.text == "a note\n" * 40
        assert app.app.session is not None
        await app.app.session.show(app.conversation().id)
        await app.until(lambda: app.prompt.text == "half a thou")
        assert not app.chat.query_one(Composer).attachments
        await app.pilot.press("ctrl+n")
        await app.until(lambda: app.prompt.text == "new words")


async def test_a_key_and_a_click_at_once_change_it_one_after_the_other(
    demo_server: str, home: Path
) -> None:
    """Two prompts sent at once are not both answered in one conversation; two branches are."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        session = app.app.session
        assert session is not None
        taken = await asyncio.gather(session.send(QUESTION), session.send("What is 2 + 5?"))
        assert sorted(taken) == [False, True]
        await app.until(lambda: len(app.turns()) == 2 and app.is_idle())
        prompt = app.turns()[0].id
        await asyncio.gather(session.regenerate(prompt), session.regenerate(prompt))
        await app.until(app.is_idle)
        assert session.answers.running == frozenset()
        parents = {turn.parent for turn in app.conversation().turns.values()}
        assert parents == {None, prompt}


async def test_a_branch_that_nobody_answered_hides_no_other(demo_server: str, home: Path) -> None:
    """The app died before the first token: the prompt is in the prompt, the old branch is seen."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        kept, number = app.turns(), app.conversation().id
    with Store(home / "store") as store:
        store.move_head(number, None)
        store.add_prompt(number, None, "Another one")
        assert [turn.text for turn in store.get(number).path()] == ["Another one"]
    async with chat(served(demo_server), home / "store") as app:
        await app.until(lambda: app.prompt.text == "Another one")
        await app.until(lambda: kept[1].text in app.text())
        assert app.turns() == kept


async def test_a_command_is_no_draft(demo_server: str, home: Path) -> None:
    """It is neither counted nor kept once it was run."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        await app.until(lambda: app.chat.query_one(ContextBar).total == 2048)
        await app.pilot.press("slash")
        await app.type("pageup")
        await app.until(lambda: app.chat.query_one(ContextBar).fill.draft > 0)
        await app.pilot.press("enter")
        await app.until(lambda: app.chat.query_one(ContextBar).fill.draft == 0)
    with Store(home / "store") as store:
        assert store.draft(None) == Draft()


async def test_another_window_does_not_carry_this_one_away(demo_server: str, home: Path) -> None:
    """It goes on elsewhere in the conversation: what is asked here follows what is seen here."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        seen = app.conversation()
        with Store(app.store) as other:
            other.add_prompt(seen.id, seen.path()[0].id, "From another window")
        session = app.app.session
        assert session is not None
        await session.reread()
        assert session.path[-1].id == seen.head
        await app.type("What is 2 + 2?")
        await app.pilot.press("enter")
        await app.until(lambda: len(session.path) == 4 and app.is_idle())
        assert [turn.id for turn in session.path[:2]] == [turn.id for turn in seen.path()]


async def test_what_was_read_is_not_read_again(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more prompt costs no more in a long conversation; another window's turn is taken in."""
    reads: list[int] = []
    get = Store.get

    def counted(store: Store, conversation: int) -> Conversation:
        reads.append(conversation)
        return get(store, conversation)

    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        seen = app.conversation()
        monkeypatch.setattr(Store, "get", counted)
        session = app.app.session
        assert session is not None
        await app.type("What is 2 + 2?")
        await app.pilot.press("enter")
        await app.until(lambda: len(session.path) == 4 and app.is_idle())
        assert reads == []
        with Store(app.store) as other:
            new = other.add_prompt(seen.id, seen.path()[0].id, "From another window")
        await app.type("What is 3 + 3?")
        await app.pilot.press("enter")
        await app.until(lambda: len(session.path) == 6 and app.is_idle())
        assert set(reads) == {seen.id}
        assert session.turn(new.id) == new
        assert [turn.id for turn in session.path[:2]] == [turn.id for turn in seen.path()]


async def test_another_model_goes_on_with_the_conversation(demo_server: str, home: Path) -> None:
    """What was said stays, and what is typed as well."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask(QUESTION)
        await app.type("draft")
        session = app.app.session
        assert session is not None
        await session.switch(served(demo_server))
        await app.until(app.is_idle)
        await app.until(lambda: app.chat.query_one(ContextBar).total == 2048)
        assert app.prompt.text == "draft"
        app.prompt.clear()
        await app.ask(OTHER)
        assert len(app.turns()) == 4
