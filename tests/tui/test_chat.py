"""The app with a real engine: what a person types and what comes of it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from textual.pilot import Pilot

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures, Turn
from localqwq.errors import LocalqwqError
from localqwq.server.launch import Launch
from localqwq.server.restarts import MOST
from localqwq.tui.answering import LOST
from localqwq.tui.app import ChatApp
from localqwq.tui.models import Local, LocalModel, Model
from localqwq.tui.session import Beginning
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine
from localqwq.tui.widgets.transcript.thought import ThoughtBlock, ThoughtHeader
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.tui.widgets.transcript.turns import AssistantTurn, Note, UserTurn
from localqwq.tui.widgets.transcript.welcome import Example
from localqwq_convert.pipeline import convert
from tests.checkpoints import (
    PLAIN_TOKENS,
    SPECIAL_TOKENS,
    make_checkpoint,
    random_tensors,
    tensor_shapes,
    write_safetensors,
)

PATIENCE = 60.0
"""Seconds; what takes so long does not come."""
STEP = 0.02


class Chat:
    """A running app, seen as a person sees it."""

    def __init__(self, app: ChatApp, pilot: Pilot[Any], store: Path) -> None:
        self.app = app
        self.pilot = pilot
        self.store = store

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition."""
        for _ in range(int(PATIENCE / STEP)):
            if condition():
                return
            await self.pilot.pause(STEP)
        raise AssertionError(f"never came true; the screen shows:\n{self.text()}")

    async def type(self, text: str) -> None:
        """Types a line into the prompt."""
        await self.pilot.press(*({" ": "space"}.get(key, key) for key in text))

    async def ask(self, text: str) -> None:
        """Types a prompt, sends it and waits for the end of its answer."""
        turns = len(self.turns())
        await self.type(text)
        await self.pilot.press("enter")
        await self.until(lambda: len(self.turns()) == turns + 2 and self.is_idle())

    def is_idle(self) -> bool:
        """Whether the model waits for a prompt."""
        session = self.app.session
        status = self.app.screen.query_one(StatusLine)
        return (
            session is not None
            and not session.is_answering
            and bool(status.model)
            and not status.activity
        )

    def turns(self) -> tuple[Turn, ...]:
        """What is stored of the last conversation."""
        with Store(self.store) as store:
            last = store.last()
        return last.path() if last else ()

    def text(self) -> str:
        """All that is on the transcript, and the status."""
        page = self.app.screen.query("#page Static, StatusLine Static")
        return "\n".join(str(widget.render()) for widget in page if widget.display)

    def thoughts(self) -> list[ThoughtBlock]:
        """The visible thoughts."""
        return [block for block in self.app.screen.query(ThoughtBlock) if block.display]

    @property
    def prompt(self) -> Prompt:
        """Where one types."""
        return self.app.screen.query_one(Prompt)

    def is_thinking(self) -> bool:
        """Whether a thought can be seen growing."""
        return any(block.fold == "tail" for block in self.thoughts())

    def engine(self) -> psutil.Process:
        """The engine's process: the child on a Unix socket, since other tests' servers use TCP."""
        (child,) = [c for c in psutil.Process().children() if "--uds" in c.cmdline()]
        return child


@pytest.fixture(scope="module")
def rambler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never stops thinking: the rows of the tokens that end things are zero.

    So their logits are zero, behind the 40 best of random ones, and they are never sampled.
    """
    directory = tmp_path_factory.mktemp("rambler")
    checkpoint = make_checkpoint(directory / "checkpoint", layers=12, context=16_384)
    config = json.loads((checkpoint / "config.json").read_text())
    tensors = random_tensors(tensor_shapes(config), "BF16", seed=0)
    _, embedding = tensors["model.embed_tokens.weight"]
    embedding[256 : 256 + len(SPECIAL_TOKENS + PLAIN_TOKENS)] = 0
    write_safetensors(checkpoint / "model.safetensors", tensors)
    convert(checkpoint, directory / "pack", ["Q8_0"], name="rambler")
    return directory / "pack" / "rambler-Q8_0.gguf"


def local(gguf: Path, context: int = 2048) -> LocalModel:
    """The demo model in a child process."""
    launch = Launch(gguf, "demo:Q8_0", context, gpu_layers=0, threads=1)
    return LocalModel(lambda: Local("demo", "Q8_0", launch))


@asynccontextmanager
async def chat(
    model: Model, store: Path, beginning: Beginning | None = None
) -> AsyncIterator[Chat]:
    """The app on a terminal of 80 by 24."""
    app = ChatApp(model, store, beginning or Beginning())
    async with app.run_test(size=(80, 24)) as pilot:
        yield Chat(app, pilot, store)


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
        assert f"{answer.measures.context_tokens} / 2,048" in app.text()


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
        await app.until(lambda: [block.fold for block in app.thoughts()] == ["folded"])


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
        await app.until(lambda: bool(app.app.screen.query(UserTurn)))
        await app.pilot.press("escape")
        await app.until(lambda: app.prompt.text == "What is 2 + 3?")
        app.engine().resume()
        assert not app.app.screen.query(UserTurn)
        assert app.turns() == ()


async def test_a_new_conversation_begins_empty_and_the_last_one_reopens(
    demo_gguf: Path, home: Path
) -> None:
    """Ctrl+N shows the welcome with its examples; another start shows what was said last."""
    async with chat(local(demo_gguf), home / "store") as app:
        await app.ask("What is 10 + 11?")
        await app.pilot.press("ctrl+n")
        await app.until(lambda: len(app.app.screen.query(Example)) == 3)
        assert not app.app.screen.query(UserTurn)
        await app.pilot.click(Example)
        await app.until(lambda: len(app.turns()) == 2 and "9.11" in app.turns()[0].text)
        await app.until(app.is_idle)
        kept = app.turns()
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(lambda: bool(app.app.screen.query(AssistantTurn)))
        assert app.turns() == kept
        assert kept[0].text in app.text()
        await app.until(lambda: kept[1].text in app.text())
        await app.pilot.press("up")
        assert app.prompt.text == kept[0].text
    async with chat(local(demo_gguf), home / "store", Beginning(resume=1)) as app:
        await app.until(lambda: "What is 10 + 11?" in app.text())


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
        assert app.app.screen.query_one(StatusLine).context == 8192
        command = app.engine().cmdline()
        assert command[command.index("--ctx") + 1] == "8192"


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
    """One sentence says so, and what was typed is in the prompt again."""
    async with chat(local(demo_gguf, context=256), home / "store") as app:
        await app.until(app.is_idle)
        text = "What is 1 + 1? " * 60
        app.prompt.put(text.strip())
        await app.pilot.press("enter")
        await app.until(
            lambda: "256" in "".join(str(n.render()) for n in app.app.screen.query(Note))
        )
        await app.until(lambda: app.prompt.text == text.strip())
        assert app.turns() == ()


async def test_without_a_model_the_app_ends_with_the_reason(home: Path) -> None:
    """Nothing was typed and nothing can answer: the sentence is handed to the command line."""

    def find() -> Local:
        raise LocalqwqError("There is no such model.")

    app = ChatApp(LocalModel(find), home / "store", Beginning())
    async with app.run_test() as pilot:
        for _ in range(int(PATIENCE / STEP)):
            if app.return_value is not None:
                break
            await pilot.pause(STEP)
    assert app.return_value == "There is no such model."


async def test_folding_never_moves_what_is_being_read(demo_gguf: Path, home: Path) -> None:
    """The first visible turn stays where it is while all thoughts unfold and fold again."""
    with Store(home / "store") as store:
        conversation = store.create("prompt")
        head = conversation.head
        for _ in range(8):
            assert head is not None
            answer = store.start_answer(conversation.id, head, "demo Q8_0")
            store.finish(answer.id, "done", "line\n" * 12, "An answer.", Measures())
            head = store.add_prompt(conversation.id, answer.id, "prompt").id
        store.move_head(conversation.id, answer.id)
    async with chat(local(demo_gguf), home / "store") as app:
        await app.until(lambda: len(app.thoughts()) == 8)
        transcript = app.app.screen.query_one(Transcript)
        await app.until(lambda: transcript.max_scroll_y > 0 and transcript.is_vertical_scroll_end)
        await app.pilot.press("pageup")
        await app.until(lambda: not transcript.is_vertical_scroll_end)
        top, height = transcript.region.y, transcript.max_scroll_y
        turn = next(t for t in app.app.screen.query("#page > *") if t.region.bottom > top)
        place = turn.region.y
        await app.pilot.press("ctrl+t")
        await app.until(lambda: transcript.max_scroll_y > height and turn.region.y == place)
        await app.pilot.press("ctrl+t")
        await app.until(lambda: transcript.max_scroll_y == height and turn.region.y == place)
