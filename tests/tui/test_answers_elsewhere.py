"""Answers go on while another conversation is open."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Conversation, Measures, Turn
from localqwq.tui.screens.conversation_list import ConversationList
from localqwq.tui.session.messages import (
    AnswerGrew,
    BudgetChanged,
    PromptStored,
    Report,
    ThoughtGrew,
)
from localqwq.tui.session.replay import Replay
from localqwq.tui.widgets.aside import Aside
from localqwq.tui.widgets.transcript.turns import AssistantTurn
from tests.chatting import Chat, chat, local

CONTEXT = 16_384


def stored(app: Chat, number: int) -> Conversation:
    """A conversation as the store has it."""
    with Store(app.store) as store:
        return store.get(number)


def aside(app: Chat) -> str:
    """What is said below the prompt of other things that go on."""
    shown = app.chat.query_one(Aside)
    return str(shown.content) if shown.display else ""


def listed(app: Chat) -> list[str]:
    """The lines of the list of conversations."""
    found = app.app.screen.query(ConversationList)
    return [str(option.prompt) for option in found.first().options] if found else []


async def test_it_goes_on_and_is_there_when_one_comes_back(rambler: Path, home: Path) -> None:
    """The list and a line below the prompt say so, and nothing of it is missing on the screen."""
    async with chat(local(rambler, CONTEXT), home / "store", size=(100, 30)) as app:
        await app.type("First")
        await app.pilot.press("enter")
        await app.until(app.is_thinking)
        first = app.conversation().id
        await app.pilot.press("ctrl+n")
        await app.until(lambda: app.app.session is not None and not app.app.session.path)
        await app.until(lambda: "… answering “First” · ^o opens it" in aside(app))
        assert not app.chat.state.is_answering
        before = len(stored(app, first).path()[-1].thought)
        await app.until(lambda: len(stored(app, first).path()[-1].thought) > before)
        await app.pilot.press("ctrl+o")
        await app.until(lambda: bool(listed(app)) and "answering …" in listed(app)[0])
        await app.pilot.press("enter")
        await app.until(app.is_thinking)
        await app.until(lambda: aside(app) == "")
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        turn = stored(app, first).path()[-1]
        assert turn.status == "stopped"
        [view] = app.chat.query(AssistantTurn)
        assert view.thought.source == turn.thought
        assert [turn.role for turn in stored(app, first).path()] == ["user", "assistant"]


async def test_two_conversations_are_answered_at_once(demo_gguf: Path, home: Path) -> None:
    """Each gets its own; the one that is not open is marked in the list until it is."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(app.is_idle)
        session = app.app.session
        assert session is not None
        engine = app.engine()
        engine.suspend()  # it could be done before the other conversation is open
        await session.send("What is 1 + 1?")
        first = app.conversation().id
        await session.new()
        engine.resume()
        await session.send("What is 2 + 5?")
        await app.until(lambda: not session.answers.running)
        assert "7" in app.turns()[-1].text
        assert "2" in stored(app, first).path()[-1].text
        assert session.answers.unseen == {first}
        await app.pilot.press("ctrl+o")
        await app.until(lambda: [line for line in listed(app) if "new answer" in line] != [])
        await app.pilot.press("down", "enter")
        await app.until(lambda: "1 + 1" in app.text())
        assert not session.answers.unseen


async def test_a_prompt_waits_for_its_model_where_it_was_sent(demo_gguf: Path, home: Path) -> None:
    """Nobody has begun to answer yet: it is there when one comes back, and gets its answer."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(lambda: app.app.session is not None)
        session = app.app.session
        assert session is not None
        await session.send("What is 1 + 1?")
        first = app.conversation().id
        await session.new()
        await session.show(first)
        await app.until(lambda: "What is 1 + 1?" in app.text())
        assert app.prompt.text == ""
        await app.until(app.is_idle)
        assert [turn.status for turn in stored(app, first).path()] == ["done", "done"]
        await app.until(lambda: len(app.chat.query(AssistantTurn)) == 1)


async def test_a_deleted_conversation_is_not_answered(rambler: Path, home: Path) -> None:
    """What nobody can read costs no work."""
    async with chat(local(rambler, CONTEXT), home / "store") as app:
        await app.type("First")
        await app.pilot.press("enter")
        await app.until(app.is_thinking)
        await app.pilot.press("ctrl+o")
        await app.until(lambda: bool(listed(app)))
        await app.pilot.press("delete")
        await app.until(lambda: not listed(app))
        session = app.app.session
        assert session is not None
        assert not session.answers.running


Step = str | bool
"""A piece of the answer, or whether somebody looks from now on."""


@given(st.lists(st.one_of(st.text("ab", min_size=1, max_size=3), st.booleans())), st.integers(0, 4))
def test_who_comes_back_is_told_everything(steps: Sequence[Step], thoughts: int) -> None:
    """However often somebody looks away, what is on the screen at last is the whole."""
    posted: list[Report] = []
    relay = Replay(posted.append, PromptStored(Turn(1, None, "user", "Hi"), 0.0))
    said: list[str] = []
    for step in [*steps, False, True]:
        if step is True:
            relay.open()
        elif step is False:
            relay.close()
        else:
            grew = ThoughtGrew if len(said) < thoughts else AnswerGrew
            said.append(step)
            relay(grew(step, Measures()))
    last = max(place for place, one in enumerate(posted) if isinstance(one, PromptStored))
    shown = [one.text for one in posted[last:] if isinstance(one, ThoughtGrew | AnswerGrew)]
    assert "".join(shown) == "".join(said)
    relay.close()
    before = len(posted)
    relay(BudgetChanged(5))
    assert len(posted) == before
