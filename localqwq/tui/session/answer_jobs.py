"""The answers of a session, one per conversation, which continue while another is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from localqwq.client.options import budget, chat_options
from localqwq.conversations.turns import Draft, Turn, is_temporary
from localqwq.errors import LocalqwqError
from localqwq.tui.session.answer_run import AnswerRun, reason
from localqwq.tui.session.connection import Connection
from localqwq.tui.session.messages import (
    AnswerEnded,
    AskedElsewhere,
    EndedElsewhere,
    Failed,
    Opened,
    PermissionAsked,
    PermissionSettled,
    PromptReturned,
    PromptStored,
    Report,
)
from localqwq.tui.session.open_conversation import OpenConversation
from localqwq.tui.session.partial_answer import PartialAnswer
from localqwq.tui.session.replay import Replay
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.session.tool_choice import ToolChoice
from localqwq.tui.session.toolbox import Toolbox

if TYPE_CHECKING:
    from localqwq.agent import permission
    from localqwq.reasoning.messages import Message as ChatMessage
    from localqwq.settings.schema import Settings
    from localqwq.tui.session.tool_turn import ToolTurn


@dataclass(frozen=True, slots=True)
class Question:
    """What to answer, and what happens if no answer begins."""

    prompt: Turn
    before: int | None
    """The conversation's previous position, to which it returns."""
    begun: PartialAnswer | None = None
    """The existing part of the answer."""
    is_new: bool = True
    """Whether the prompt was just written, so that it returns to the input field."""
    samples: int = 1
    """How many answers are written, of which the one that most agree on is kept."""


@dataclass(frozen=True, slots=True)
class AnswerInputs:
    """Everything that an answer depends on."""

    connection: Connection
    settings: Settings
    messages: list[ChatMessage]
    tools: ToolChoice


@dataclass(slots=True)
class AnswerJob:
    """A running answer."""

    conversation: int
    title: str
    """The conversation's title when the prompt was sent."""
    question: Question
    basis: AnswerInputs
    relay: Replay
    answering: AnswerRun | None = None
    generation: asyncio.Task[Turn] | None = None
    """What a stop ends; everything stored by then is still taken in."""
    task: asyncio.Task[None] | None = None
    """The whole task."""
    asked: asyncio.Future[permission.Decision] | None = None
    """Where the person's decision about a call is awaited."""

    @property
    def asks(self) -> bool:
        """Whether a call waits for the person's decision."""
        return self.asked is not None and not self.asked.done()


class AnswerJobs:
    """Runs answers; those of the open conversation are shown on the screen."""

    def __init__(
        self,
        records: StoreThread,
        thread: OpenConversation,
        post: Callable[[Report], object],
        basis: Callable[[], AnswerInputs],
        unsend: Callable[[int, Draft], Awaitable[None]],
        toolbox: Toolbox,
    ) -> None:
        """Set up; ``basis`` is requested for each answer, while its conversation is open.

        ``unsend`` puts a prompt that was sent in vain back into its conversation's draft.
        """
        self._toolbox = toolbox
        self._records = records
        self._thread = thread
        self._post = post
        self._basis = basis
        self._unsend = unsend
        self._jobs: dict[int, AnswerJob] = {}
        self._followed: int | None = None
        self._closing = False
        self.unseen: set[int] = set()
        """Conversations whose answer ended while another one was open."""

    @property
    def is_answering(self) -> bool:
        """Whether a prompt of the open conversation is waiting for its answer or receiving it."""
        return self._thread.id in self._jobs

    @property
    def running(self) -> frozenset[int]:
        """The conversations with a running answer."""
        return frozenset(self._jobs)

    @property
    def asking(self) -> frozenset[int]:
        """The conversations in which a call waits for the person's decision."""
        return frozenset(number for number, job in self._jobs.items() if job.asks)

    @property
    def elsewhere(self) -> list[AnswerJob]:
        """Return the running answers in conversations that are not open."""
        return [job for number, job in self._jobs.items() if number != self._thread.id]

    def question(self, conversation: int | None) -> Question | None:
        """Return what is being answered in a conversation; None for nothing."""
        job = self._jobs.get(conversation) if conversation is not None else None
        return job.question if job else None

    def begin(self, question: Question) -> None:
        """Answer a stored prompt, which is the end of the open conversation."""
        conversation = self._thread.conversation
        assert conversation is not None
        asked = PromptStored(question.prompt, time.monotonic())
        relay = Replay(self._post, asked)
        job = AnswerJob(conversation.id, conversation.title, question, self._basis(), relay)
        self._jobs[job.conversation] = job
        self.follow(job.conversation)
        job.generation = asyncio.create_task(self._generate(job))
        job.task = asyncio.create_task(self._answer(job, job.generation))

    def follow(self, conversation: int | None) -> None:
        """Show only this conversation's answer, if there is one; None shows none."""
        for job in self._jobs.values():
            job.relay.close()
        self._followed = conversation
        if conversation is not None:
            self.unseen.discard(conversation)
            if conversation in self._jobs:
                self._jobs[conversation].relay.open()

    async def stop(self, conversation: int | None = None) -> None:
        """End an answer and keep what is there, or take back a prompt without any.

        ``conversation``: None for the open one.
        """
        wanted = self._thread.id if conversation is None else conversation
        job = self._jobs.get(wanted) if wanted is not None else None
        if job is not None and job.generation is not None and job.task is not None:
            if not job.generation.cancelling():
                job.generation.cancel()
            await asyncio.wait({job.task})

    async def stop_all(self) -> None:
        """End all answers."""
        await asyncio.gather(*(self.stop(conversation) for conversation in list(self._jobs)))

    async def close(self) -> None:
        """Stop; no more answers are given."""
        self._closing = True
        await self.stop_all()

    async def answer_now(self) -> None:
        """End the thought and begin the answer; problems are posted."""
        try:
            await self._answering().answer_now()
        except LocalqwqError as error:
            self._post(Failed(str(error)))

    async def think_longer(self, tokens: int) -> None:
        """Give the thought this many more tokens; problems are posted."""
        try:
            await self._answering().think_longer(tokens)
        except LocalqwqError as error:
            self._post(Failed(str(error)))

    def decide(self, decision: permission.Decision) -> None:
        """Decide about the call that waits in the open conversation, if there is one."""
        job = self._jobs.get(self._thread.id) if self._thread.id is not None else None
        if job is not None and job.asked is not None and not job.asked.done():
            job.asked.set_result(decision)

    async def _ask(self, conversation: int, question: permission.Question) -> permission.Decision:
        """Ask the person about a call, and wait for the decision."""
        job = self._jobs[conversation]
        job.asked = asyncio.get_running_loop().create_future()
        job.relay(PermissionAsked(question))
        if self._followed != conversation:
            self._post(AskedElsewhere(conversation, job.title))
        try:
            return await job.asked
        finally:
            job.asked = None
            job.relay(PermissionSettled())

    def _answering(self) -> AnswerRun:
        job = self._jobs.get(self._thread.id) if self._thread.id is not None else None
        if job is None or job.answering is None:
            raise LocalqwqError("The model is not thinking.")
        return job.answering

    async def _answer(self, job: AnswerJob, generation: asyncio.Task[Turn]) -> None:
        try:
            await self._work(job, generation)
        finally:
            del self._jobs[job.conversation]

    async def _work(self, job: AnswerJob, generation: asyncio.Task[Turn]) -> None:
        sentence = ""
        try:
            turn = await generation
        except asyncio.CancelledError:
            pass
        except Exception as error:
            sentence = str(error) if isinstance(error, LocalqwqError) else reason(error)
        else:
            await self._end(job, turn)
            return
        if not self._closing:  # otherwise that is done when the conversation is opened again
            await self._give_up(job, sentence)

    async def _generate(self, job: AnswerJob) -> Turn:
        basis, begun = job.basis, job.question.begun
        client = await basis.connection.client()
        answering = job.answering = AnswerRun(
            self._records,
            job.question.prompt,
            job.conversation,
            basis.connection.label,
            job.relay,
            begun,
        )
        options = chat_options(
            basis.settings,
            basis.connection.served,
            goes_on=False,
            gathered=basis.connection.gathered,
            temporary=is_temporary(job.conversation),
        )
        limit, samples = budget(basis.settings.thinking), job.question.samples
        tools = await self._tools(job)
        turn = await answering.run(client, basis.messages, options, limit, samples, tools)
        if tools is not None:
            self._toolbox.ended(tools)
        basis.connection.has_read(job.conversation, answering.reading)
        return turn

    async def _tools(self, job: AnswerJob) -> ToolTurn | None:
        """Return what an answer with tools needs; None for one without."""
        basis, begun = job.basis, job.question.begun
        if not basis.tools.names and (begun is None or not begun.rounds):
            return None
        ask = partial(self._ask, job.conversation)
        return await self._toolbox.turn(job.conversation, basis.tools, basis.settings, ask)

    async def _end(self, job: AnswerJob, turn: Turn) -> None:
        if self._followed == job.conversation:
            with suppress(LocalqwqError):  # deleted elsewhere: what is shown can still be read
                await self._thread.take(turn)
        if self._followed == job.conversation:
            self._post(AnswerEnded(turn))
        elif turn.status != "stopped":
            self.unseen.add(job.conversation)
            sentence = turn.note if turn.status == "lost" else ""
            self._post(EndedElsewhere(job.conversation, job.title, sentence))

    async def _give_up(self, job: AnswerJob, sentence: str) -> None:
        """Undo a prompt whose answer did not begin, returning a new one to the input field.

        In a conversation that is not open, that is done when it is opened again.
        """
        if self._followed != job.conversation:
            if sentence:
                self._post(EndedElsewhere(job.conversation, job.title, sentence))
            return
        question, prompt = job.question, job.question.prompt
        with suppress(LocalqwqError):  # the same
            await self._thread.go_to(question.before)
        if question.is_new:  # stored as a draft, too: whoever leaves at this moment finds it there
            await self._unsend(job.conversation, Draft(prompt.text, prompt.attachments))
        if self._followed != job.conversation:
            return
        if question.is_new and question.before == prompt.parent:
            self._post(PromptReturned(prompt.text, sentence, prompt.attachments))
            return
        draft = Draft(prompt.text, prompt.attachments) if question.is_new else Draft()
        opened = self._thread.conversation
        self._post(Opened(opened, draft.text, draft.attachments, same=True))
        if sentence:
            self._post(Failed(sentence))
