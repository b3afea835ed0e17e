"""The app with a real engine: what a person types and what comes of it."""

from pathlib import Path

import pytest
from textual import events
from textual.widget import Widget

from localqwq.conversations.store import Store
from localqwq.errors import LocalqwqError
from localqwq.server.supervision.restarts import MOST
from localqwq.tui.app import ChatApp
from localqwq.tui.session.answer_run import LOST
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.counting import Count
from localqwq.tui.session.models import ChildModel, Local
from localqwq.tui.widgets.context_bar import ContextBar
from localqwq.tui.widgets.transcript.thought import ThoughtHeader
from localqwq.tui.widgets.transcript.turns import AssistantTurn, Note, UserTurn
from localqwq.tui.widgets.transcript.welcome import Example
from tests.chatting import chat, local, served
from tests.watched import PATIENCE, STEP


async def test_a_prompt_sent_while_the_model_loads_is_answered(demo_gguf: Path, home: Path) -> None:
    """Thought, answer, numbers and store, from a prompt that was typed before anything else."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.ask("Which is larger, 9.9 or 9.11?")
        prompt, answer = app.turns()
        assert prompt.text == "Which is larger, 9.9 or 9.11?"
        assert answer.text
        assert answer.thought
        assert (answer.status, answer.model) == ("done", "demo Q8_0")
        assert answer.measures.tokens > answer.measures.thought_tokens > 0
        await app.until(lambda: answer.text in app.text())
        tokens = answer.measures.thought_tokens
        assert "Thought for" in app.text()
        assert f"{tokens} tokens" in app.text()
        await app.until(lambda: f"{answer.measures.rate:.1f} tokens/s" in app.text())
        left = answer.measures.context_tokens - tokens
        await app.until(lambda: f"{left} / 2,048" in app.text())


async def test_thoughts_fold_and_unfold(demo_gguf: Path, home: Path) -> None:
    """A click on the header opens one thought, Ctrl+T opens or folds all of them."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.ask("What is 12 + 30?")
        last_line = app.turns()[-1].thought.strip().splitlines()[-1]
        assert last_line not in app.text()
        await app.pilot.click(ThoughtHeader)
        await app.until(lambda: last_line in app.text())
        await app.pilot.press("ctrl+t")
        assert last_line in app.text()
        await app.pilot.press("ctrl+t")
        await app.until(lambda: [block.fold for block in app.thoughts()] == ["closed"])


async def test_an_error_that_nobody_expected_ends_the_answer(
    demo_server: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, what had come is kept, and the next prompt is answered."""
    async with chat(served(demo_server), home / "store") as app:
        await app.until(app.is_idle)
        with monkeypatch.context() as patch:
            patch.setattr(Count, "answer", lambda *_: 1 / 0)
            await app.type("What is 12 + 30?")
            await app.pilot.press("enter")
            await app.until(lambda: "An internal error ended the answer here" in app.text())
        await app.until(app.is_idle)
        turn = app.turns()[-1]
        assert turn.status == "lost"
        assert turn.thought
        assert "ZeroDivisionError" in turn.note
        await app.ask("What is 20 + 21?")
        with monkeypatch.context() as patch:
            patch.setattr(Count, "read", lambda *_: 1 / 0)
            await app.type("What is 1 + 2?")
            await app.pilot.press("enter")
            await app.until(lambda: app.prompt.text == "What is 1 + 2?" and app.is_idle())
            assert app.text().count("An internal error ended the answer here") == 2


async def test_a_conversation_that_is_deleted_elsewhere_can_be_stopped(
    rambler: Path, home: Path
) -> None:
    """Another process takes it away in the middle of a thought."""
    async with chat(local(rambler, context=16_384), home / "store") as app:
        await app.type("Go on")
        await app.pilot.press("enter")
        await app.until(app.is_thinking)
        with Store(home / "store") as store:
            store.delete(app.conversation().id)
        await app.pilot.press("escape")
        await app.until(app.is_idle)
        await app.until(lambda: "Stopped in the thought." in app.text())


async def test_escape_stops_and_keeps_what_is_there(rambler: Path, home: Path) -> None:
    """A stopped turn keeps its thought, and the conversation goes on."""
    async with chat(local(rambler, context=16_384), home / "store") as app:
        for turns in (2, 4):
            await app.type("Go on")
            await app.pilot.press("enter")
            await app.until(app.is_thinking)
            await app.pilot.press("escape")
            await app.until(app.is_idle)
            assert len(app.turns()) == turns
            stopped = app.turns()[-1]
            assert (stopped.role, stopped.status) == ("assistant", "stopped")
            assert stopped.thought
        assert app.text().count("Stopped in the thought.") == 2


async def test_escape_before_the_first_token_takes_the_prompt_back(
    demo_gguf: Path, home: Path
) -> None:
    """What was typed is in the prompt again, and the transcript is as before."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(app.is_idle)
        app.engine().suspend()
        await app.type("What is 2 + 3?")
        await app.pilot.press("enter")
        await app.until(lambda: bool(app.chat.query(UserTurn)))
        await app.pilot.press("escape")
        await app.until(lambda: app.prompt.text == "What is 2 + 3?")
        app.engine().resume()
        assert not app.chat.query(UserTurn)
        assert app.turns() == ()


async def test_a_new_conversation_begins_empty_and_the_last_one_reopens(
    demo_gguf: Path, home: Path
) -> None:
    """Ctrl+N shows the welcome with its examples; another start shows what was said last."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.ask("What is 10 + 11?")
        await app.pilot.press("ctrl+n")
        await app.until(lambda: len(app.chat.query(Example)) == 3)
        assert not app.chat.query(UserTurn)
        await app.pilot.click(Example)
        await app.until(lambda: ["9.11" in turn.text for turn in app.turns()] == [True, True])
        await app.until(app.is_idle)
        kept = app.turns()
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(lambda: bool(app.chat.query(AssistantTurn)))
        assert app.turns() == kept
        await app.until(lambda: kept[0].text in app.text())
        await app.until(lambda: kept[1].text in app.text())
        await app.pilot.press("up")
        assert app.prompt.text == kept[0].text
        await app.pilot.press("ctrl+n", *"A new one")
        await app.until(lambda: app.prompt.text == "A new one")
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(lambda: app.prompt.text == "A new one")  # it was written to last
        assert not app.chat.query(UserTurn)
    async with chat(local(demo_gguf), home / "store", Beginning(resume=1)) as app:
        await app.until(lambda: "What is 10 + 11?" in app.text())


async def test_what_is_typed_outlives_a_walk_through_earlier_prompts(
    demo_server: str, home: Path
) -> None:
    """Up and Down change nothing, and what was not sent is there again when something else was."""
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 1 + 1?")
        await app.ask("What is 1 + 2?")
        number = app.conversation().id

        def draft() -> str:
            with Store(home / "store") as store:
                return store.draft(number).text

        await app.type("new words")
        await app.pilot.press("up", "up")
        assert app.prompt.text == "What is 1 + 1?"
        await app.type(" old")
        await app.pilot.press("down", "down")
        assert app.prompt.text == "new words"
        await app.pilot.press("up")
        await app.type(" changed")
        left = "new words\nWhat is 1 + 1? old"
        await app.until(lambda: draft() == f"{left}\nWhat is 1 + 2? changed")
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 6 and app.is_idle())
        assert app.turns()[4].text == "What is 1 + 2? changed"
        assert app.prompt.text == left
        await app.until(lambda: draft() == left)
        await app.pilot.press("up", "up", "ctrl+r")
        await app.until(lambda: len(app.conversation().turns) == 7 and app.is_idle())
        assert app.prompt.text == f"{left}\nWhat is 1 + 2? changed"
        await app.pilot.press("ctrl+n")
        await app.until(lambda: app.prompt.text == "")


async def test_a_killed_engine_is_started_again_and_nothing_is_lost(
    rambler: Path, home: Path
) -> None:
    """kill -9 in the middle of a thought: a sentence, the text so far, and a new engine.

    The second one in a row looks like a lack of memory: the next engine gets a smaller context.
    """
    async with chat(local(rambler, context=16_384), home / "store") as app:
        await app.type("Go on")
        await app.pilot.press("enter")
        await app.until(app.is_thinking)
        killed = app.engine()
        killed.kill()
        await app.until(lambda: "It is being started again." in app.text())
        await app.until(app.is_idle)
        prompt, lost = app.turns()
        assert (prompt.text, lost.status) == ("Go on", "lost")
        assert lost.thought
        assert "Go on" in app.text()
        assert LOST in app.text()
        assert app.engine().pid != killed.pid
        await app.type("And on")
        await app.pilot.press("enter")
        await app.until(app.is_thinking)
        app.engine().kill()
        smaller = "started again with a context of 8,192 tokens instead of 16,384."
        await app.until(lambda: smaller in app.text())
        await app.until(app.is_idle)
        await app.until(lambda: app.chat.query_one(ContextBar).total == 8192)


async def test_an_engine_that_keeps_dying_stays_off_until_it_is_needed(
    demo_gguf: Path, home: Path
) -> None:
    """The last of too many deaths ends the restarts; the next prompt starts it again."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.type("draft")
        for _ in range(MOST):
            await app.until(app.is_idle)
            app.engine().kill()
            await app.until(lambda: not app.is_idle())
        await app.until(lambda: "stays off until you send a prompt" in app.text())
        app.prompt.clear()
        await app.ask("What is 1 + 1?")
        assert app.turns()[-1].status == "done"


async def test_a_click_on_what_was_just_removed_selects_nothing(
    demo_gguf: Path, home: Path
) -> None:
    """It is seen until the next layout."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(lambda: len(app.chat.query(Example)) == 3)
        example = app.chat.query(Example).first()

        def at_its_place() -> Widget | None:
            return app.chat.get_widget_and_offset_at(*example.region.offset)[0]

        await app.until(lambda: at_its_place() is example)
        place = example.region.offset
        press = events.MouseDown(None, *place, 0, 0, 1, False, False, False)
        with app.app.batch_update():
            await example.remove()
            assert app.chat.get_widget_at(*place)[0] is example
            await app.app.on_event(press)


async def test_a_prompt_of_several_lines(demo_gguf: Path, home: Path) -> None:
    """Ctrl+J breaks the line and the prompt grows; Enter sends all of it."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.type("one")
        height = app.prompt.size.height
        await app.pilot.press("ctrl+j")
        await app.type("two")
        await app.until(lambda: app.prompt.size.height == height + 1)
        await app.pilot.press("enter")
        await app.until(lambda: len(app.turns()) == 2)
        assert app.turns()[0].text == "one\ntwo"
        assert app.prompt.text == ""


async def test_a_prompt_that_does_not_fit_comes_back(demo_gguf: Path, home: Path) -> None:
    """One sentence says so, and what was typed is in the prompt again; it is no branch."""
    async with chat(local(demo_gguf, context=256), home / "store") as app:
        await app.until(app.is_idle)
        text = "What is 1 + 1? " * 60
        app.prompt.put(text.strip())
        await app.pilot.press("enter")
        await app.until(lambda: "256" in "".join(str(n.render()) for n in app.chat.query(Note)))
        await app.until(lambda: app.prompt.text == text.strip())
        assert app.turns() == ()
        app.prompt.clear()
        await app.ask("What is 1 + 1?")
        assert "2." in app.text() and "‹" not in app.text()


async def test_without_a_model_the_app_ends_with_the_reason(home: Path) -> None:
    """Nothing was typed and nothing can answer: the sentence is handed to the command line."""

    def find() -> Local:
        raise LocalqwqError("There is no such model.")

    app = ChatApp(ChildModel(find), home / "store", Beginning())
    async with app.run_test() as pilot:
        for _ in range(int(PATIENCE / STEP)):
            if app.return_value is not None:
                break
            await pilot.pause(STEP)
    assert app.return_value == "There is no such model."
