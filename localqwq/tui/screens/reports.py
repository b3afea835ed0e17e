"""The half of the chat's screen that draws what the session posts."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message
from textual.screen import Screen

from localqwq.conversations.turns import Measures, prompts
from localqwq.tui.beat import Beat
from localqwq.tui.commands.table import COMMANDS, TABLE, keys, shown
from localqwq.tui.keyboard.queue import Ordered
from localqwq.tui.session import messages
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.context_bar import ContextBar, Legend
from localqwq.tui.widgets.notice import Matter, Notice
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine, answering, progress, thinking
from localqwq.tui.widgets.transcript.transcript import Transcript

if TYPE_CHECKING:
    from localqwq.tui.session.context_gauge import ContextGauge
    from localqwq.tui.session.session import Session


TEMPORARY = "A temporary conversation: nothing of it is stored."


class ReportingScreen(Screen[None]):
    """Takes the messages of `localqwq.tui.session.messages`."""

    def __init__(self) -> None:
        super().__init__()
        self.beats: list[Beat] = []
        """What draws at regular intervals, while there is something new."""
        self.session: Session | None = None
        self.gauge: ContextGauge | None = None
        self._model = ""
        self._gauge_is_new = False
        self._offers_are_new = False
        self._offered: tuple[str, ...] = ()
        self._opened_one = asyncio.Event()
        """Set once there is a conversation to act on."""
        self._load_began = 0.0
        self._budget: int | None = None
        self._answer_wanted = False
        self._thinks = False

    @dataclass
    class Reported(Message):
        """The session has told something."""

        report: messages.Report

    def take(self, report: messages.Report) -> None:
        """Takes what the session tells; it is drawn as soon as it has been handled."""
        self.post_message(self.Reported(report))
        self.call_later(self.wake)

    @dataclass
    class Ready(Message):
        """Something is over that somebody may have been waiting for."""

        sentence: str
        seconds: float = math.inf
        """How long it took, where that is known."""

    @on(Reported)
    async def _reported(self, event: Reported) -> None:
        await self.hear(event.report)

    async def hear(self, report: messages.Report) -> None:
        """Shows what the session tells."""
        match report:
            case messages.ModelLoading():
                self._loading(report)
            case messages.ModelProgress():
                self._loaded(report)
            case messages.ModelReady():
                await self._ready(report)
            case messages.ModelLacks():
                self._lacks(report)
            case messages.ContextKnown():
                self._known(report)
            case messages.ModelLost():
                self._lost(report)
            case messages.Opened():
                await self._opened(report)
            case messages.Sought():
                await self._sought(report)
            case messages.PromptStored():
                await self._asked(report)
            case messages.PromptReturned():
                await self._returned(report)
            case messages.PromptRead():
                self._reading(report)
            case messages.BudgetChanged():
                self._budgeted(report)
            case messages.ContextChanged():
                self._changed(report)
            case messages.ThoughtGrew():
                self._thought(report)
            case messages.AnswerGrew():
                self._said(report)
            case messages.AnswerEnded():
                self._ended(report)
            case messages.EndedElsewhere():
                self._ended_elsewhere(report)
            case messages.Removed():
                self._removed(report)
            case messages.Unstored():
                self._unstored(report)
            case messages.Failed():
                self._failed(report)
            case _:
                raise TypeError(f"nobody shows {report!r}")

    def wake(self) -> None:
        """Something may have to be drawn."""
        for beat in self.beats:
            beat.wake()

    # How the model is doing

    def _loading(self, event: messages.ModelLoading) -> None:
        status = self.query_one(StatusLine)
        name = f"{event.model} {event.quant}".strip()
        status.model = ""
        self._load_began = time.monotonic()
        if not name and self.gauge is not None:  # another model
            self._model = ""
            self.gauge.know(None)
        self._wait(f"Loading {name} …" if name else "Looking for the model …")

    def _loaded(self, event: messages.ModelProgress) -> None:
        took = time.monotonic() - self._load_began
        left = took * (1 - event.part) / event.part if event.part > 0.05 else None
        what = self.query_one(StatusLine).activity.partition(" …")[0]
        self._wait(progress(f"{what} …", event.part, left))

    async def _ready(self, event: messages.ModelReady) -> None:
        self._model = f"{event.model} {event.quant}".strip()
        status = self.query_one(StatusLine)
        status.model = " · ".join(part for part in (event.model, event.quant) if part)
        status.activity = ""
        await self.query_one(Transcript).greet(self._model)

    def _lacks(self, event: messages.ModelLacks) -> None:
        self.query_one(Transcript).note(event.sentence)

    def _known(self, event: messages.ContextKnown) -> None:
        if self.gauge is not None:
            self.gauge.know(event.limits)

    def _lost(self, event: messages.ModelLost) -> None:
        status = self.query_one(StatusLine)
        status.activity = "Starting again …" if event.restarting else "No model"
        asked = self.session is not None and bool(self.session.answers.running)
        if self._model or event.restarting or asked or self.query_one(Prompt).text:
            self.query_one(Transcript).note(event.sentence)
        else:
            # It never came up, and nothing is lost by leaving.
            self.app.exit(event.sentence)

    # What is said

    async def _opened(self, event: messages.Opened) -> None:
        path = event.conversation.path() if event.conversation else ()
        transcript, prompt = self.query_one(Transcript), self.query_one(Prompt)
        await transcript.show(event.conversation, self._model)
        if self._opened_one.is_set() and not event.same:
            # What is in the prompt belongs to the conversation before.
            self.query_one(Composer).clear()
            self.query_one(StatusLine).measures = None
        is_temporary = self.session is not None and self.session.is_temporary
        self.tell("temporary", TEMPORARY if is_temporary else "")
        prompt.remember(prompts(path))
        if event.draft or event.attachments:
            self.query_one(Composer).put(event.draft, event.attachments)
        if event.turn is not None and not event.same:
            await transcript.reveal(event.turn)
        else:
            prompt.focus()
        self._rest()
        self._opened_one.set()
        if isinstance(self.app, Ordered):
            self.app.keyboard.opened.set()

    async def _sought(self, event: messages.Sought) -> None:
        await self.query_one(Transcript).reveal(event.turn)

    async def _asked(self, event: messages.PromptStored) -> None:
        transcript, status = self.query_one(Transcript), self.query_one(StatusLine)
        self._budget, self._answer_wanted, self._thinks = None, False, False
        await transcript.ask(event.turn)
        self._count_branches()
        status.begin(event.since)
        self._wait(status.activity or "Reading the prompt …")
        self.offer()

    async def _returned(self, event: messages.PromptReturned) -> None:
        transcript = self.query_one(Transcript)
        await transcript.take_back()
        self.query_one(Composer).put(event.text, event.attachments)
        if event.sentence:
            transcript.note(event.sentence)
            self.post_message(self.Ready(event.sentence))
        self._rest()

    def _reading(self, event: messages.PromptRead) -> None:
        status = self.query_one(StatusLine)
        part = event.done / event.total if event.total else 1.0
        if part < 1:
            self._wait(progress("Reading the prompt …", part, event.left))
        else:
            self._wait("Reading the prompt …")
        measures = replace(status.measures or Measures(), context_tokens=event.total, rate=0)
        self._measured(replace(measures, tokens=0, thought_tokens=0))

    def _budgeted(self, event: messages.BudgetChanged) -> None:
        self._budget, self._answer_wanted = event.budget, event.answer_wanted
        status = self.query_one(StatusLine)
        if self._thinks and status.measures is not None:
            status.activity = self._thinking(status.measures)
        self.offer()

    def _changed(self, event: messages.ContextChanged) -> None:
        if self.gauge is not None:
            self.gauge.grew(event.context, event.factor)
        scaling = f"rope scaling by {event.factor:g}" if event.factor > 1 else "no rope scaling"
        self.query_one(Transcript).note(
            f"The context has {event.context:,} tokens now, with {scaling}."
        )

    def _thought(self, event: messages.ThoughtGrew) -> None:
        self.query_one(Transcript).think(event.text, event.measures)
        self._measured(event.measures, self._thinking(event.measures))
        if not self._thinks:
            self._thinks = True
            self.offer()

    def _said(self, event: messages.AnswerGrew) -> None:
        self.query_one(Transcript).say(event.text, event.measures)
        self._measured(event.measures, answering(event.measures))
        if self._thinks:
            self._thinks = False
            self.offer()

    def _ended(self, event: messages.AnswerEnded) -> None:
        self.query_one(Transcript).end(event.turn)
        self._count_branches()
        conversation = self.session.conversation if self.session else None
        if conversation is not None and event.turn.status != "stopped":
            note = event.turn.note if event.turn.status == "lost" else ""
            said = has_answer(conversation.title, note)
            self.post_message(self.Ready(said, event.turn.measures.seconds))
        self._measured(event.turn.measures)
        self._rest()

    def _ended_elsewhere(self, event: messages.EndedElsewhere) -> None:
        text = has_answer(event.title, event.sentence)
        self.notify(text, severity="warning" if event.sentence else "information", markup=False)
        self.post_message(self.Ready(text))

    def _removed(self, event: messages.Removed) -> None:
        self.notify(f"{event.sentence} “Undo removal” brings it back.", markup=False)

    def _unstored(self, event: messages.Unstored) -> None:
        self.tell("conversations", event.sentence)

    def _failed(self, event: messages.Failed) -> None:
        self.query_one(Transcript).note(event.sentence)

    @on(Transcript.Grew)
    def _grew(self, event: Transcript.Grew) -> None:
        own = self.session.settings.keys if self.session else {}
        key = shown(keys(COMMANDS["latest"], own))
        self.tell("below", f"New text below; {key} goes there." if event.below else "")

    def tell(self, about: Matter, sentence: str) -> None:
        """Says something above the prompt until it is over, which an empty sentence tells."""
        self.query_one(Notice).tell(about, sentence)

    # Inside

    @property
    def is_answering(self) -> bool:
        """Whether a prompt is waiting for its answer or getting it."""
        return self.session is not None and self.session.is_answering

    @property
    def is_thinking(self) -> bool:
        """Whether a thought is growing."""
        return self._thinks and self.is_answering

    @property
    def is_limited(self) -> bool:
        """Whether the thought that is growing has a budget."""
        return self._budget is not None

    @property
    def is_answer_wanted(self) -> bool:
        """Whether somebody asked for the answer."""
        return self._answer_wanted

    def gauge_changed(self) -> None:
        """Something else fills the context now; it is drawn soon, together with what follows."""
        self._gauge_is_new = True
        self.wake()

    def offer(self) -> None:
        """Something else can be done now; the keys for it are shown with what is drawn next."""
        self._offers_are_new = True
        self.wake()

    def is_possible(self, command: str) -> bool:
        """Whether a command makes sense now."""
        return True

    def draw_numbers(self) -> None:
        """What fills the context, a warning where there is one, and how the model is doing; the
        keys for what can be done, which cost a layout."""
        if self._offers_are_new:
            self._offers_are_new = False
            offered = tuple(one.id for one in TABLE if one.footer and self.is_possible(one.id))
            if offered != self._offered:
                self._offered = offered
                self.refresh_bindings()
        if self.gauge is not None and self._gauge_is_new:
            self._gauge_is_new = False
            fill, total = self.gauge.fill, self.gauge.total
            self.query_one(ContextBar).show(fill, total)
            self.query_one(Legend).show(fill, total)
            self.query_one(StatusLine).warning = self.gauge.warning
            self.query_one(StatusLine).reading = self.gauge.long_reading
        self.query_one(StatusLine).redraw()

    def _count_branches(self) -> None:
        conversation = self.session.conversation if self.session else None
        if conversation is not None:
            self.query_one(Transcript).count_branches(conversation)

    def _thinking(self, measures: Measures) -> str:
        return thinking(measures, self._budget, answer_wanted=self._answer_wanted)

    def _wait(self, activity: str) -> None:
        self.query_one(StatusLine).activity = activity
        self.query_one(Transcript).wait(activity)

    def _measured(self, measures: Measures, activity: str = "") -> None:
        status = self.query_one(StatusLine)
        status.measures = measures
        if activity:
            status.activity = activity
        if self.gauge is not None:
            self.gauge.run(measures)

    def _rest(self) -> None:
        self._thinks = False
        status = self.query_one(StatusLine)
        status.rest()
        if status.model:
            status.activity = ""
        if self.gauge is not None:
            self.gauge.rest()
        self.offer()


def has_answer(title: str, sentence: str) -> str:
    """What is said of a conversation whose answer has ended; `sentence`: what is wrong with it."""
    return (
        f"“{title}” got no whole answer. {sentence}" if sentence else f"“{title}” has its answer."
    )
