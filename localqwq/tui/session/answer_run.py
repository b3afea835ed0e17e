"""One answer during generation: counted, journalled, and ended in one of four ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from localqwq.agent.events import (
    AgentEvent,
    AgentFinish,
    CallBegan,
    CallEnded,
    CallsMade,
    ResultsRead,
)
from localqwq.agent.limits import FORCED
from localqwq.agent.names import BUILTIN
from localqwq.agent.round_log import CallChanged, RoundLog, RoundMade, with_call
from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Status, Turn
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Finish,
    PromptProgress,
    Reclassified,
    Thought,
    ToolCall,
    Usage,
)
from localqwq.reasoning.messages import Message
from localqwq.tui.session import messages
from localqwq.tui.session.counting import Count
from localqwq.tui.session.messages import (
    AnswerGrew,
    BudgetChanged,
    PromptRead,
    Report,
    RoundsChanged,
    ThoughtGrew,
    TurnRetold,
    VoteCounted,
)
from localqwq.tui.session.partial_answer import PartialAnswer, asked
from localqwq.tui.session.store_thread import StoreThread

if TYPE_CHECKING:
    from localqwq.client.chat_client import ChatClient
    from localqwq.client.options import ChatOptions
    from localqwq.conversations.buffered import BufferedStore
    from localqwq.tui.session.tool_turn import ToolTurn

JOURNAL_SECONDS = 1.0
"""Maximum seconds that text is only in memory."""

FULL = "The context is full, so the answer ends here; start a new conversation to go on."
LIMIT = "The answer ends here because it reached its token limit."
EMPTY = "The model ended its turn without an answer."
UNOFFERED = "The model called {name}, which is not offered here; /tools {name} offers it."
UNKNOWN = "The model called {name}, which is not offered here; /tools shows what can be."
LOST = "The engine stopped here."
LOOPED = "The answer kept repeating itself and was stopped."
THOUGHT_LOOPED = "The thought kept repeating itself, so the answer was started."
SPENT = "The thought used up its budget, so the answer was started."


class AnswerRun:
    """The generation of one assistant's turn.

    The turn is stored with its first token, so a prompt whose answer never began can be taken back;
    one that continues a person's text is stored at once. With tools, the turn has several rounds:
    the text here is that of the current one.
    """

    def __init__(
        self,
        records: StoreThread,
        prompt: Turn,
        conversation: int,
        label: str,
        post: Callable[[Report], object],
        begun: PartialAnswer | None = None,
    ) -> None:
        """Set up the answer to ``prompt`` in ``conversation`` by the model named ``label``."""
        self._records = records
        self._conversation = conversation
        self._prompt = prompt
        self._label = label
        self._post = post
        self._begun = begun or PartialAnswer()
        self._count = Count(self._begun.measures)
        self._turn: asyncio.Future[Turn] | None = None
        self._client: ChatClient | None = None
        self._completion: str | None = None
        self._budget: int | None = None
        # all text of this round's generation
        self._new_thought: list[str] = []
        self._new_text: list[str] = []
        self._rounds = list(self._begun.rounds)
        self._log = RoundLog(len(self._rounds))
        self._note = ""
        self._appending: asyncio.Task[None] | None = None
        # what the journal does not have yet
        self._thought = ""
        self._text = ""
        self._answered = bool(self._begun.text)
        self._outcome = ""
        self._offers_tools = False
        self._unoffered = ""
        """The tool that was called although none is offered."""

    async def run(
        self,
        client: ChatClient,
        messages: list[Message],
        options: ChatOptions,
        budget: int | None,
        samples: int = 1,
        tools: ToolTurn | None = None,
    ) -> Turn:
        """Generate until the end and return the stored turn.

        Of several ``samples``, the answer that most agree on is stored, once it is known.
        ``budget``: tokens of thought that ``options`` request, None for no limit. ``tools``: those
        that the model may call. Cancelling stops the generation and keeps what is there, and so
        does any error. Before the first token both are raised and nothing is stored.
        """
        self._client, self._budget = client, budget
        self._offers_tools = tools is not None
        status: Status = "done"
        journal = asyncio.create_task(self._journal())
        try:
            await self._resume()
            if samples > 1:
                events = self._voted(client, messages, options, samples)
            elif tools is not None:
                events = tools.events(client, messages, options, self._started, self._begun)
            else:
                events = client.chat(*asked(messages, options, self._begun), self._started)
            async with aclosing(events):
                async for event in events:
                    await self._take(event, options)
            note = f"{self._note} {self._outcome}".strip()
        except asyncio.CancelledError:
            if self._turn is None:
                raise
            status, note = "stopped", ""
        except Exception as error:
            if self._turn is None:
                raise
            status, note = "lost", reason(error)
        finally:
            journal.cancel()
            self._completion = None
        finishing = asyncio.ensure_future(self._finish(status, note))
        try:
            return await asyncio.shield(finishing)
        except asyncio.CancelledError:  # there is nothing left to stop now
            return await finishing

    @property
    def reading(self) -> float | None:
        """The prompt's processing speed in tokens per second; None if not measured."""
        return self._count.reading

    # The running thought

    async def answer_now(self) -> None:
        """Close the thought at its next sentence; raises LocalqwqError if that is impossible."""
        client, completion = self._running()
        await client.answer_now(completion)
        self._post(BudgetChanged(self._budget, answer_wanted=True))

    async def think_longer(self, tokens: int) -> None:
        """Give the thought this many tokens more than its limit, or than it has had.

        Cancels a request to answer. Raises LocalqwqError if it comes too late.
        """
        client, completion = self._running()
        if self._budget is not None:
            spent = self._count.measures.thought_tokens - self._begun.measures.thought_tokens
            self._budget = max(self._budget, spent) + tokens
        await client.grant_budget(completion, -1 if self._budget is None else self._budget)
        self._post(BudgetChanged(self._budget))

    def _running(self) -> tuple[ChatClient, str]:
        if self._client is None or self._completion is None:
            raise LocalqwqError("The model is not thinking yet.")
        return self._client, self._completion

    def _started(self, completion: str) -> None:
        self._completion = completion
        self._post(BudgetChanged(self._budget))

    # Events

    async def _voted(
        self, client: ChatClient, messages: list[Message], options: ChatOptions, samples: int
    ) -> AsyncGenerator[AgentEvent, None]:
        """Yield the events of the answer that most of several agree on."""
        from localqwq.evals.ballot import Ballot

        def count(ballot: Ballot) -> None:
            self._post(VoteCounted(ballot.vote.count, samples, ballot.vote.agreeing))

        ballot = Ballot(samples)
        count(ballot)
        winner = await ballot.draw(client, messages, options, count)
        self._outcome = " ".join(ballot.vote.outcome)
        usage = winner.finish.usage if winner.finish else Usage()
        if winner.thought:
            yield Thought(winner.thought, usage.reasoning_tokens)
        if winner.answer:
            yield Answer(winner.answer, usage.completion_tokens - usage.reasoning_tokens)
        if winner.finish:
            yield winner.finish

    async def _resume(self) -> None:
        """Store and show the existing part of the answer."""
        begun = self._begun
        if not begun.is_empty:
            await self._begin()
        if begun.rounds:
            self._post(RoundsChanged(begun.rounds, self._count.measures))
        if begun.thought:
            self._post(ThoughtGrew(begun.thought, self._count.measures))
        if begun.text:
            self._post(AnswerGrew(begun.text, self._count.measures))

    async def _take(self, event: AgentEvent, options: ChatOptions) -> None:
        """Handle one event."""
        match event:
            case PromptProgress(done, total, cached):
                left = self._count.read(done, total, cached)
                self._post(PromptRead(done, total, left))
            case ContextChanged(context, factor):
                self._post(messages.ContextChanged(context, factor))
            case Thought(text, tokens):
                await self._begin()
                self._new_thought.append(text)
                self._thought += text
                self._count.thought(tokens)
                self._post(ThoughtGrew(text, self._count.measures))
            case Answer(text, tokens):
                await self._begin()
                self._new_text.append(text)
                self._text += text
                self._answered = True
                self._count.answer(tokens)
                self._post(AnswerGrew(text, self._count.measures))
            case Reclassified(to):
                await self._retell(thought=to == "thought")
            case Finish():
                self._count.finish(event)
                limited = "max_tokens" in options.more
                self._note = ending(event, self._answered, limited=limited)
                if self._unoffered and self._note in ("", EMPTY):
                    self._note = unoffered(self._unoffered)
            case ToolCall(name=name):
                self._unoffered = "" if self._offers_tools else name
            case CallsMade() | CallBegan() | CallEnded():
                await self._keep(event)
            case ResultsRead():
                await self._keep(event)
                self._count = Count(self._begun.measures)
            case AgentFinish():
                self._note = f"{FORCED.get(event.reason, '')} {self._note}".strip()

    async def _keep(self, event: CallsMade | CallBegan | CallEnded | ResultsRead) -> None:
        """Store and show what became of the round's calls."""
        for entry in self._log.take(event):
            if isinstance(entry, RoundMade):
                await self._end_round(entry)
            else:
                await self._end_call(entry)
        self._post(RoundsChanged(tuple(self._rounds), self._count.measures))

    async def _end_round(self, made: RoundMade) -> None:
        """Make all text so far a round of the turn."""
        turn = await self._begin()
        await self._appended()
        thought, text = self._pieces()
        measures, self._completion = self._count.measures, None

        def work(store: BufferedStore) -> None:
            store.append(turn, thought, text, measures)
            store.end_round(turn, made.number, made.calls)

        try:
            await self._records.do(work)
        except Exception:
            self._give_back(thought, text)
            raise
        begun = self._begun
        said = begun.thought + "".join(self._new_thought), begun.text + "".join(self._new_text)
        self._rounds.append(Round(*said, made.calls))
        self._begun = PartialAnswer(measures=measures)
        self._new_thought, self._new_text = [], []
        self._answered, self._note = False, ""

    async def _end_call(self, changed: CallChanged) -> None:
        """Store what came of a call."""
        turn, number, call = await self._begin(), changed.number, changed.call
        await self._records.do(lambda store: store.end_call(turn, number, call))
        self._rounds = list(with_call(self._rounds, changed))

    async def _retell(self, *, thought: bool) -> None:
        """Store and show all text so far as the thought, or as the answer."""
        begun, told = self._begun, "".join([*self._new_thought, *self._new_text])
        whole = begun.thought + told if thought else begun.thought, "" if thought else told
        self._new_thought, self._new_text = ([told], []) if thought else ([], [told])
        self._answered = not thought
        self._count.reclassify(thought=thought)
        self._post(TurnRetold(*whole, self._count.measures))
        if self._turn is None:
            return
        turn = await self._begin()
        await self._appended()
        pieces = self._pieces()  # the journal gets all of it at once
        try:
            await self._records.do(lambda store: store.rewrite(turn, *whole))
        except Exception:
            self._give_back(*pieces)
            raise

    async def _begin(self) -> int:
        """Store the turn, and return its id; shielded: a stop at this moment loses nothing."""
        if self._turn is None:
            conversation, parent, label = self._conversation, self._prompt.id, self._label
            thought, text, rounds = self._begun.thought, self._begun.text, self._begun.rounds
            self._turn = asyncio.ensure_future(
                self._records.do(
                    lambda store: store.start_answer(
                        conversation, parent, label, thought, text, rounds
                    )
                )
            )
        if not self._turn.done():
            await asyncio.shield(self._turn)
        return self._turn.result().id

    async def _journal(self) -> None:
        """Store new text once a second until cancelled."""
        while True:
            await asyncio.sleep(JOURNAL_SECONDS)
            if self._turn is None or not self._turn.done() or not self._thought + self._text:
                continue
            self._appending = asyncio.create_task(self._append(self._turn.result().id))
            await self._appended()

    async def _append(self, turn: int) -> None:
        thought, text = self._pieces()
        measures = self._count.measures
        try:
            await self._records.do(lambda store: store.append(turn, thought, text, measures))
        except Exception:  # the next piece, or the end, brings it along
            self._give_back(thought, text)

    async def _appended(self) -> None:
        """Wait for the journal, which continues even if its task is cancelled."""
        if self._appending is not None:
            await asyncio.shield(self._appending)

    def _give_back(self, thought: str, text: str) -> None:
        self._thought, self._text = thought + self._thought, text + self._text

    def _pieces(self) -> tuple[str, str]:
        pieces = self._thought, self._text
        self._thought = self._text = ""
        return pieces

    async def _finish(self, status: Status, note: str) -> Turn:
        turn, measures = await self._begin(), self._count.measures
        await self._appended()
        thought, text = self._pieces()
        return await self._records.do(
            lambda store: store.finish(turn, status, thought, text, measures, note)
        )


def ending(finish: Finish, answered: bool, *, limited: bool) -> str:
    """Return a remark on how an answer ended; empty for an ordinary end.

    ``limited``: whether the request limited its tokens.
    """
    if finish.reason == "length":
        return LIMIT if limited else FULL
    if finish.reason == "loop":
        return LOOPED
    if finish.thought == "loop":
        return THOUGHT_LOOPED
    if finish.thought == "budget":
        return SPENT
    return "" if answered else EMPTY


def unoffered(name: str) -> str:
    """Return a remark on a call of a tool where none is offered: how it can be."""
    return (UNOFFERED if name in BUILTIN else UNKNOWN).format(name=name)


def reason(error: Exception) -> str:
    """Return a sentence on why an answer was not completed, also for unexpected errors."""
    from localqwq.client.errors import EndpointLost

    if isinstance(error, EndpointLost):
        return LOST
    if isinstance(error, LocalqwqError):
        return str(error)
    return f"An internal error ended the answer here ({type(error).__name__}: {error})."
