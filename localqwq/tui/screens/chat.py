"""The chat: a transcript above a prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Footer

from localqwq.conversations.turns import Measures, Turn, prompts
from localqwq.tui import messages
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.tui.widgets.transcript.welcome import Example


class Intentions(Protocol):
    """What a person can want of a session."""

    @property
    def is_answering(self) -> bool:
        """Whether a prompt is waiting for its answer or getting it."""

    async def open(self) -> None:
        """Begin."""

    async def send(self, text: str) -> None:
        """Ask this."""

    async def stop(self) -> None:
        """End the answer."""

    async def new(self) -> None:
        """Begin another conversation."""


class ChatScreen(Screen[None]):
    """Draws what the session posts, and tells it what a person wants."""

    CSS_PATH = "chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", key_display="esc"),
        Binding("ctrl+n", "new", "New"),
        Binding("ctrl+t", "thoughts", "Thoughts"),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.session: Intentions | None = None
        self._model = ""

    def compose(self) -> ComposeResult:
        """The transcript takes what the prompt leaves."""
        yield Transcript()
        with Vertical(id="desk"):
            yield Prompt()
            yield StatusLine()
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Typing works from the first moment."""
        self.query_one(Prompt).focus()

    def begin(self, session: Intentions) -> None:
        """Connects the screen with a session that posts to it, and opens the session."""
        self.session = session
        self.run_worker(session.open())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc stops only while there is something to stop."""
        return self._answering if action == "stop" else True

    # What a person wants

    @on(Prompt.Submitted)
    async def _send(self) -> None:
        if self.session is None:
            return
        if self._answering:
            self.notify("An answer is on its way; Esc stops it.", timeout=3)
            return
        await self.session.send(self.query_one(Prompt).take())

    @on(Example.Chosen)
    async def _try(self, event: Example.Chosen) -> None:
        self.query_one(Prompt).focus()
        if self.session is not None and not self._answering:
            await self.session.send(event.text)

    async def action_stop(self) -> None:
        """Ends the answer and keeps what is there."""
        if self.session is not None:
            await self.session.stop()

    async def action_new(self) -> None:
        """Begins a new conversation."""
        if self.session is not None:
            await self.session.new()

    def action_thoughts(self) -> None:
        """Folds or unfolds all thoughts."""
        self.query_one(Transcript).toggle_thoughts()

    def action_page(self, step: int) -> None:
        """Scrolls the transcript by a page, from wherever the focus is."""
        transcript = self.query_one(Transcript)
        if step < 0:
            transcript.scroll_page_up(animate=False)
        else:
            transcript.scroll_page_down(animate=False)

    # How the model is doing

    @on(messages.ModelLoading)
    def _loading(self, event: messages.ModelLoading) -> None:
        status = self.query_one(StatusLine)
        name = f"{event.model} {event.quant}".strip()
        status.model = ""
        status.activity = f"Loading {name} …" if name else "Looking for the model …"
        self.query_one(Transcript).wait(status.activity)

    @on(messages.ModelReady)
    async def _ready(self, event: messages.ModelReady) -> None:
        self._model = f"{event.model} {event.quant}".strip()
        status = self.query_one(StatusLine)
        status.model = " · ".join(part for part in (event.model, event.quant) if part)
        status.context = event.context
        status.activity = ""
        await self.query_one(Transcript).greet(self._model)

    @on(messages.ModelLost)
    def _lost(self, event: messages.ModelLost) -> None:
        status = self.query_one(StatusLine)
        status.activity = "Starting again …" if event.restarting else "No model"
        if self._model or event.restarting or self._answering or self.query_one(Prompt).text:
            self.query_one(Transcript).note(event.sentence)
        else:
            # It never came up, and nothing is lost by leaving.
            self.app.exit(event.sentence)

    # What is said

    @on(messages.Opened)
    async def _opened(self, event: messages.Opened) -> None:
        path = event.conversation.path() if event.conversation else ()
        await self.query_one(Transcript).show(event.conversation, self._model)
        prompt = self.query_one(Prompt)
        prompt.remember(prompts(path))
        if event.draft:
            prompt.put(event.draft)
        prompt.focus()
        self._measured(_context_used(path))

    @on(messages.PromptStored)
    async def _asked(self, event: messages.PromptStored) -> None:
        transcript = self.query_one(Transcript)
        await transcript.ask(event.turn)
        transcript.wait(self.query_one(StatusLine).activity or "Reading the prompt …")
        self.refresh_bindings()

    @on(messages.PromptReturned)
    async def _returned(self, event: messages.PromptReturned) -> None:
        transcript = self.query_one(Transcript)
        await transcript.take_back()
        self.query_one(Prompt).put(event.text)
        if event.sentence:
            transcript.note(event.sentence)
        self._rest()

    @on(messages.PromptRead)
    def _reading(self, event: messages.PromptRead) -> None:
        status = self.query_one(StatusLine)
        part = f" {100 * event.done // event.total} %" if 0 < event.done < event.total else ""
        status.activity = f"Reading the prompt …{part}"
        status.measures = replace(status.measures or Measures(), context_tokens=event.total, rate=0)
        self.query_one(Transcript).wait(status.activity)

    @on(messages.ContextChanged)
    def _changed(self, event: messages.ContextChanged) -> None:
        self.query_one(StatusLine).context = event.context
        scaling = f"rope scaling by {event.factor:g}" if event.factor > 1 else "no rope scaling"
        self.query_one(Transcript).note(
            f"The context has {event.context:,} tokens now, with {scaling}."
        )

    @on(messages.ThoughtGrew)
    def _thought(self, event: messages.ThoughtGrew) -> None:
        self.query_one(Transcript).think(event.text, event.measures)
        self._measured(event.measures, "Thinking …")

    @on(messages.AnswerGrew)
    def _said(self, event: messages.AnswerGrew) -> None:
        self.query_one(Transcript).say(event.text, event.measures)
        self._measured(event.measures, "Answering …")

    @on(messages.AnswerEnded)
    def _ended(self, event: messages.AnswerEnded) -> None:
        self.query_one(Transcript).end(event.turn)
        self._measured(event.turn.measures)
        self._rest()

    @on(messages.Failed)
    def _failed(self, event: messages.Failed) -> None:
        self.query_one(Transcript).note(event.sentence)

    # Inside

    @property
    def _answering(self) -> bool:
        return self.session is not None and self.session.is_answering

    def _measured(self, measures: Measures | None, activity: str = "") -> None:
        status = self.query_one(StatusLine)
        status.measures = measures
        if activity:
            status.activity = activity

    def _rest(self) -> None:
        status = self.query_one(StatusLine)
        if status.model:
            status.activity = ""
        self.refresh_bindings()


def _context_used(path: tuple[Turn, ...]) -> Measures | None:
    """What the last answer of a stored conversation left in the context; its speed is history."""
    answers = (turn.measures for turn in reversed(path) if turn.role == "assistant")
    last = next(answers, None)
    return Measures(context_tokens=last.context_tokens) if last else None
