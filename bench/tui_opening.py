"""How long a long conversation, and a long list of them, take from the store to the screen.

    python -m bench.tui_opening [--turns 500] [--conversations 5000] [--repeat 5]

Opens a conversation with thoughts, lists and code on a screen of 100 by 40, and then goes to a turn
in its middle, as a search does. The goal is less than a second for each. Then it opens the list of
all conversations, at first with an empty cache of the store; the goal is 0.2 s.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from textual.app import App, ComposeResult

from bench.streaming.terminal import COLUMNS, ROWS
from bench.streaming.texts import tokens
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Conversation, Measures
from localqwq.tui.screens.conversation_list import ConversationList
from localqwq.tui.screens.conversations import ConversationsScreen
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.widgets.transcript.transcript import Transcript

ANSWER = "".join([*tokens("paragraphs", 150), "\n\n", *tokens("list", 100), "\n\n"])
ANSWER += "".join(tokens("fence", 100)) + "\n```\n"
THOUGHT = "".join(tokens("thought", 600))


class Stage(App[None]):
    """The transcript alone."""

    def compose(self) -> ComposeResult:
        """Nothing else on the screen."""
        yield Transcript()


def write(path: Path, turns: int) -> int:
    """Stores a conversation of so many turns; returns its id."""
    with Store(path) as store:
        conversation = store.create("Prompt 1")
        head = conversation.head or 0
        for number in range(2, turns + 1):
            if number % 2:
                head = store.add_prompt(conversation.id, head, f"Prompt {number}").id
            else:
                head = store.start_answer(conversation.id, head, "model").id
                measures = Measures(thought_seconds=40, thought_tokens=600)
                store.finish(head, "done", THOUGHT, ANSWER, measures)
    return conversation.id


def write_many(path: Path, conversations: int) -> None:
    """Stores so many short conversations."""
    with Store(path) as store, store.together():
        for number in range(conversations):
            conversation = store.create(f"Prompt {number} of a short conversation")
            head = store.start_answer(conversation.id, conversation.head or 0, "model Q8_0").id
            store.finish(head, "done", THOUGHT, ANSWER, Measures())


class Desk(App[None]):
    """Nothing, on which the list is opened."""


async def measure_list(path: Path) -> tuple[float, float]:
    """Seconds to open the list of conversations, by the clock and of the processor."""
    app = Desk()
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        records = StoreThread(path)
        await records.do(lambda store: store.last())  # as the app does when it is started
        screen = ConversationsScreen(records, None)
        began, used = time.perf_counter(), time.process_time()
        await app.push_screen(screen)
        await until(lambda: screen.query_one(ConversationList).option_count > 0)
        await painted(app, asyncio.sleep(0))
        opened, used = time.perf_counter() - began, time.process_time() - used
        await pilot.press("escape")
        await records.close()
    return opened, used


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that the screen does beside."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise SystemExit("The list was never filled.")


async def painted(app: App[None], work: Awaitable[object]) -> float:
    """Seconds until what `work` does is on the screen."""
    began = time.perf_counter()
    await work
    done = asyncio.Event()
    app.screen.call_after_refresh(done.set)
    await done.wait()
    return time.perf_counter() - began


async def measure(path: Path, conversation: int) -> tuple[float, float, float]:
    """Seconds to read the store, to open, and to go to the middle."""
    app = Stage()
    async with app.run_test(size=(COLUMNS, ROWS)):
        transcript = app.query_one(Transcript)
        began = time.perf_counter()
        with Store(path) as store:
            found: Conversation = store.get(conversation)
        read = time.perf_counter() - began
        opened = await painted(app, transcript.show(found, "model"))
        middle = found.path()[len(found.turns) // 2].id
        return read, opened, await painted(app, transcript.reveal(middle))


def main() -> None:
    """Prints the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("--conversations", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "conversations.sqlite"
        conversation = write(path, given.turns)
        rounds = [asyncio.run(measure(path, conversation)) for _ in range(given.repeat)]
        show(("read from the store", "opened", "in its middle"), rounds)
        many = Path(folder) / "many.sqlite"
        write_many(many, given.conversations)
        show(
            (f"list of {given.conversations:,}", "of the processor"),
            [asyncio.run(measure_list(many)) for _ in range(given.repeat)],
        )


def show(names: Sequence[str], rounds: Sequence[Sequence[float]]) -> None:
    """A line for each figure."""
    for name, seconds in zip(names, zip(*rounds, strict=True), strict=True):
        print(f"{name:<20} {statistics.median(seconds):.2f} s (worst {max(seconds):.2f})")


if __name__ == "__main__":
    main()
