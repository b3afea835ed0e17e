"""The app with a real engine, driven and seen as a person does it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from textual import events
from textual.geometry import Offset, Region
from textual.pilot import Pilot

from localqwq.children import Child
from localqwq.client.endpoints import FoundEndpoint
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Conversation, Turn
from localqwq.endpoint import Endpoint
from localqwq.engine.load_options import LoadOptions
from localqwq.models.launch import Launch
from localqwq.tui.app import ChatApp
from localqwq.tui.screens.chat.screen import ChatScreen
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.models import ChildModel, Local, Model, RemoteModel
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine
from localqwq.tui.widgets.transcript.thought import ThoughtBlock
from tests.watched import Watched

NAMED = (
    "enter",
    "escape",
    "tab",
    "up",
    "down",
    "delete",
    "backspace",
    "pageup",
    "pagedown",
    *(f"f{n}" for n in range(1, 13)),
)
LETTERS = {" ": "space", "/": "slash", "@": "at", "?": "question_mark", ".": "full_stop"}
"""Textual's names of letters that have one."""


class Chat(Watched):
    """A running app, seen as a person sees it."""

    def __init__(self, app: ChatApp, pilot: Pilot[Any], store: Path) -> None:
        super().__init__(pilot)
        self.app = app
        self.store = store

    @property
    def chat(self) -> ChatScreen:
        """The screen of the chat, whatever is above it."""
        assert self.app.chat is not None
        return self.app.chat

    @property
    def seen(self) -> str:
        """The transcript and the status."""
        return self.text()

    async def type(self, text: str) -> None:
        """Types a line into the prompt."""
        await self.pilot.press(*({" ": "space"}.get(key, key) for key in text))

    def burst(self, *words: str) -> None:
        """Presses keys at once, as a macro does: names of keys, and text letter by letter."""
        for word in words:
            for key in [word] if word in NAMED or word.startswith("ctrl+") else word:
                letter = key if len(key) == 1 else None
                self.app.post_message(events.Key(LETTERS.get(key, key), letter))

    async def ask(self, text: str) -> None:
        """Types a prompt, sends it and waits for the end of its answer."""
        turns = len(self.turns())
        await self.type(text)
        await self.pilot.press("enter")
        await self.until(lambda: len(self.turns()) == turns + 2 and self.is_idle())

    def is_idle(self) -> bool:
        """Whether the model waits for a prompt."""
        session = self.app.session
        status = self.chat.query_one(StatusLine)
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

    def conversation(self) -> Conversation:
        """The last conversation as it is stored."""
        with Store(self.store) as store:
            last = store.last()
        assert last is not None
        return last

    def text(self) -> str:
        """All that is on the transcript, seen or scrolled away, and the status, in one line."""
        drawn = self.chat.query("#page *, StatusLine *")
        leaves = [widget for widget in drawn if not widget.children and widget.size]
        lines = (
            strip.text
            for widget in leaves
            if all(above.display for above in widget.ancestors_with_self if above is not self.app)
            for strip in widget.render_lines(Region.from_offset(Offset(0, 0), widget.outer_size))
        )
        return " ".join(" ".join(lines).split())

    def thoughts(self) -> list[ThoughtBlock]:
        """The visible thoughts."""
        return [block for block in self.chat.query(ThoughtBlock) if block.display]

    @property
    def prompt(self) -> Prompt:
        """Where one types."""
        return self.chat.query_one(Prompt)

    def is_thinking(self) -> bool:
        """Whether a thought can be seen growing."""
        return self.chat.state.is_thinking

    def engine(self) -> psutil.Process:
        """The engine's process."""
        return engine_of(psutil.Process())


def engine_of(app: psutil.Process) -> psutil.Process:
    """An app's engine: its own child, since those of other tests' servers are theirs."""
    (engine,) = [child for child in app.children() if Child.ENGINE in child.cmdline()]
    return engine


def local(gguf: Path, context: int = 2048) -> ChildModel:
    """The demo model in a child process."""
    launch = Launch(gguf, "demo:Q8_0", LoadOptions(context=context, threads=1))
    return ChildModel(lambda: Local("demo", "Q8_0", launch))


def served(url: str) -> RemoteModel:
    """The demo model as another process serves it, which saves its start."""
    return RemoteModel(lambda: FoundEndpoint(Endpoint(url)))


@asynccontextmanager
async def chat(
    model: Model,
    store: Path,
    beginning: Beginning | None = None,
    size: tuple[int, int] = (80, 24),
) -> AsyncIterator[Chat]:
    """The app, on a terminal of 80 by 24."""
    app = ChatApp(model, store, beginning or Beginning())
    async with app.run_test(size=size) as pilot:
        yield Chat(app, pilot, store)
