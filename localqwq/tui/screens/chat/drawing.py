"""Drawing the session's reports in the chat."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from localqwq.conversations.turns import Measures, prompts
from localqwq.tui.commands.table import COMMANDS, keys, shown
from localqwq.tui.keyboard.queue import Ordered
from localqwq.tui.screens.chat.state import ChatState, Ready
from localqwq.tui.session import messages
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.context_bar import ContextBar, Legend
from localqwq.tui.widgets.notice import Matter, Notice
from localqwq.tui.widgets.permission import PermissionLine
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.widgets.status import StatusLine, answering, progress, thinking
from localqwq.tui.widgets.transcript.transcript import Transcript
from localqwq.verdicts.vote import vote_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen

TEMPORARY = "A temporary conversation: nothing in it is stored."


class Drawing:
    """Shows the reports of ``localqwq.tui.session.messages`` in the widgets of the chat's
    screen.
    """

    def __init__(self, screen: Screen[None], state: ChatState) -> None:
        self._screen = screen
        self._state = state
        self._model = ""
        self._offered: tuple[str, ...] = ()
        self._load_began = 0.0

    async def hear(self, report: messages.Report) -> None:
        """Draw a report."""
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
            case messages.VoteCounted(done, of, agreeing):
                self._wait(f"{vote_progress(done, of, agreeing)} …")
            case messages.BudgetChanged():
                self._budgeted(report)
            case messages.ContextChanged():
                self._changed(report)
            case messages.ThoughtGrew():
                self._thought(report)
            case messages.AnswerGrew():
                self._said(report)
            case messages.TurnRetold():
                await self._retold(report)
            case messages.RoundsChanged():
                self._called(report)
            case messages.PermissionAsked():
                self._asks(report)
            case messages.PermissionSettled():
                self._screen.query_one(PermissionLine).settle()
            case messages.AskedElsewhere(title=title):
                self._asks_elsewhere(title)
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

    # The model's state

    def _loading(self, event: messages.ModelLoading) -> None:
        status = self._screen.query_one(StatusLine)
        name = f"{event.model} {event.quant}".strip()
        status.model = ""
        self._load_began = time.monotonic()
        if not name and self._state.gauge is not None:  # another model
            self._model = ""
            self._state.gauge.know(None)
        self._wait(f"Loading {name} …" if name else "Choosing the model …")

    def _loaded(self, event: messages.ModelProgress) -> None:
        took = time.monotonic() - self._load_began
        left = took * (1 - event.part) / event.part if event.part > 0.05 else None
        what = self._screen.query_one(StatusLine).activity.partition(" …")[0]
        self._wait(progress(f"{what} …", event.part, left))

    async def _ready(self, event: messages.ModelReady) -> None:
        self._model = f"{event.model} {event.quant}".strip()
        status = self._screen.query_one(StatusLine)
        status.model = " · ".join(part for part in (event.model, event.quant) if part)
        status.activity = ""
        await self._screen.query_one(Transcript).greet(self._model)

    def _lacks(self, event: messages.ModelLacks) -> None:
        self._screen.query_one(Transcript).note(event.sentence)

    def _known(self, event: messages.ContextKnown) -> None:
        if self._state.gauge is not None:
            self._state.gauge.know(event.limits)

    def _lost(self, event: messages.ModelLost) -> None:
        status = self._screen.query_one(StatusLine)
        status.activity = "Starting again …" if event.restarting else "No model"
        asked = self._state.session is not None and bool(self._state.session.answers.running)
        if self._model or event.restarting or asked or self._screen.query_one(Prompt).text:
            self._screen.query_one(Transcript).note(event.sentence)
        else:
            # It never loaded, and nothing is lost by quitting.
            self._screen.app.exit(event.sentence)

    # Text

    async def _opened(self, event: messages.Opened) -> None:
        path = event.conversation.path() if event.conversation else ()
        transcript, prompt = self._screen.query_one(Transcript), self._screen.query_one(Prompt)
        await transcript.show(event.conversation, self._model)
        if self._state.opened.is_set() and not event.same:
            # The prompt's text belongs to the previous conversation.
            self._screen.query_one(Composer).clear()
            self._screen.query_one(StatusLine).measures = None
        self._screen.query_one(PermissionLine).settle()
        is_temporary = self._state.session is not None and self._state.session.is_temporary
        self.tell("temporary", TEMPORARY if is_temporary else "")
        prompt.remember(prompts(path))
        if event.draft or event.attachments:
            self._screen.query_one(Composer).put(event.draft, event.attachments)
        if event.turn is not None and not event.same:
            await transcript.reveal(event.turn)
        else:
            self._screen.set_focus(prompt)
        self._rest()
        self._state.opened.set()
        if isinstance(self._screen.app, Ordered):
            self._screen.app.keyboard.opened.set()

    async def _sought(self, event: messages.Sought) -> None:
        await self._screen.query_one(Transcript).reveal(event.turn)

    async def _asked(self, event: messages.PromptStored) -> None:
        transcript, status = self._screen.query_one(Transcript), self._screen.query_one(StatusLine)
        self._state.budget, self._state.answer_wanted, self._state.thinks = None, False, False
        await transcript.ask(event.turn)
        self._count_branches()
        status.begin(event.since)
        self._wait(status.activity or "Reading the prompt …")
        self._state.offer()

    async def _returned(self, event: messages.PromptReturned) -> None:
        transcript = self._screen.query_one(Transcript)
        await transcript.take_back()
        self._screen.query_one(Composer).put(event.text, event.attachments)
        if event.sentence:
            transcript.note(event.sentence)
            self._screen.post_message(Ready(event.sentence))
        self._rest()

    def _reading(self, event: messages.PromptRead) -> None:
        status = self._screen.query_one(StatusLine)
        part = event.done / event.total if event.total else 1.0
        if part < 1:
            self._wait(progress("Reading the prompt …", part, event.left))
        else:
            self._wait("Reading the prompt …")
        measures = replace(status.measures or Measures(), context_tokens=event.total, rate=0)
        self._measured(replace(measures, tokens=0, thought_tokens=0))

    def _budgeted(self, event: messages.BudgetChanged) -> None:
        self._state.budget, self._state.answer_wanted = event.budget, event.answer_wanted
        status = self._screen.query_one(StatusLine)
        if self._state.thinks and status.measures is not None:
            status.activity = self._thinking(status.measures)
        self._state.offer()

    def _changed(self, event: messages.ContextChanged) -> None:
        if self._state.gauge is not None:
            self._state.gauge.grew(event.context, event.factor)
        scaling = f"rope scaling by {event.factor:g}" if event.factor > 1 else "no rope scaling"
        self._screen.query_one(Transcript).note(
            f"The context has {event.context:,} tokens now, with {scaling}."
        )

    def _thought(self, event: messages.ThoughtGrew) -> None:
        self._screen.query_one(Transcript).think(event.text, event.measures)
        self._measured(event.measures, self._thinking(event.measures))
        if not self._state.thinks:
            self._state.thinks = True
            self._state.offer()

    def _said(self, event: messages.AnswerGrew) -> None:
        self._screen.query_one(Transcript).say(event.text, event.measures)
        self._measured(event.measures, answering(event.measures))
        if self._state.thinks:
            self._state.thinks = False
            self._state.offer()

    async def _retold(self, event: messages.TurnRetold) -> None:
        transcript = self._screen.query_one(Transcript)
        await transcript.retell(event.thought, event.text, event.measures)
        thinks = not event.text
        activity = self._thinking(event.measures) if thinks else answering(event.measures)
        self._measured(event.measures, activity)
        self._state.thinks = thinks
        self._state.offer()

    def _called(self, event: messages.RoundsChanged) -> None:
        self._screen.query_one(Transcript).know(event.rounds, event.measures)
        if self._state.gauge is not None:
            self._state.gauge.called(event.rounds, event.measures)
        running = [call.name for call in event.rounds[-1].calls if not call.is_over]
        self._wait(f"Calling {', '.join(running)} …" if running else "Reading the results …")
        if self._state.thinks:
            self._state.thinks = False
            self._state.offer()

    def _asks(self, event: messages.PermissionAsked) -> None:
        self._screen.query_one(PermissionLine).ask(event.question)
        self._wait("Waiting for your permission")
        session = self._state.session
        if session is not None and session.conversation is not None:
            self._screen.post_message(Ready(asks(session.conversation.title)))

    def _asks_elsewhere(self, title: str) -> None:
        self._screen.notify(asks(title), severity="warning", markup=False)
        self._screen.post_message(Ready(asks(title)))

    def _ended(self, event: messages.AnswerEnded) -> None:
        self._screen.query_one(Transcript).end(event.turn)
        self._count_branches()
        conversation = self._state.session.conversation if self._state.session else None
        if conversation is not None and event.turn.status != "stopped":
            note = event.turn.note if event.turn.status == "lost" else ""
            said = has_answer(conversation.title, note)
            self._screen.post_message(Ready(said, event.turn.measures.seconds))
        self._measured(event.turn.measures)
        self._rest()

    def _ended_elsewhere(self, event: messages.EndedElsewhere) -> None:
        text = has_answer(event.title, event.sentence)
        if event.sentence:
            self._screen.notify(text, severity="warning", markup=False)
        else:
            self._screen.notify(text, markup=False)
        self._screen.post_message(Ready(text))

    def _removed(self, event: messages.Removed) -> None:
        self._screen.notify(f"{event.sentence} “Undo removal” restores it.", markup=False)

    def _unstored(self, event: messages.Unstored) -> None:
        self.tell("conversations", event.sentence)

    def _failed(self, event: messages.Failed) -> None:
        self._screen.query_one(Transcript).note(event.sentence)

    def grew(self, event: Transcript.Grew) -> None:
        """Show whether there is new text below the visible part."""
        key = shown(keys(COMMANDS["latest"], self._state.own_keys))
        self.tell("below", f"New text below; {key} jumps to it." if event.below else "")

    def tell(self, about: Matter, sentence: str) -> None:
        """Show a sentence above the prompt until an empty one ends it."""
        self._screen.query_one(Notice).tell(about, sentence)

    # Internals

    def numbers(self, offered: Callable[[], tuple[str, ...]]) -> None:
        """Update the context bar, its warning, the model's state, and the line of keys.

        ``offered``: the commands of the line of keys that are possible now. Changing them costs a
        layout.
        """
        state = self._state
        if state.offers_are_new:
            state.offers_are_new = False
            if (now := offered()) != self._offered:
                self._offered = now
                self._screen.refresh_bindings()
        status = self._screen.query_one(StatusLine)
        if (gauge := state.gauge) is not None and state.gauge_is_new:
            state.gauge_is_new = False
            self._screen.query_one(ContextBar).show(gauge.fill, gauge.total)
            self._screen.query_one(Legend).show(gauge.fill, gauge.total)
            status.warning, status.reading = gauge.warning, gauge.long_reading
        status.redraw()

    def _count_branches(self) -> None:
        conversation = self._state.session.conversation if self._state.session else None
        if conversation is not None:
            self._screen.query_one(Transcript).count_branches(conversation)

    def _thinking(self, measures: Measures) -> str:
        return thinking(measures, self._state.budget, answer_wanted=self._state.answer_wanted)

    def _wait(self, activity: str) -> None:
        self._screen.query_one(StatusLine).activity = activity
        self._screen.query_one(Transcript).wait(activity)

    def _measured(self, measures: Measures, activity: str = "") -> None:
        status = self._screen.query_one(StatusLine)
        status.measures = measures
        if activity:
            status.activity = activity
        if self._state.gauge is not None:
            self._state.gauge.run(measures)

    def _rest(self) -> None:
        self._state.thinks = False
        status = self._screen.query_one(StatusLine)
        status.rest()
        if status.model:
            status.activity = ""
        if self._state.gauge is not None:
            self._state.gauge.rest()
        self._state.offer()


def asks(title: str) -> str:
    """Return the message about a call that waits for a decision."""
    return f"“{title}” waits for your permission."


def has_answer(title: str, sentence: str) -> str:
    """Return the message about an answer that ended elsewhere; ``sentence``: what is wrong with
    it.
    """
    return (
        f"“{title}” got an incomplete answer. {sentence}"
        if sentence
        else f"“{title}” has been answered."
    )
