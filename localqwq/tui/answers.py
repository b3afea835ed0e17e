"""The answers of a session, one at a time: begun, stopped, or given up before they began."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from localqwq.conversations.turns import Turn
from localqwq.errors import LocalqwqError
from localqwq.tui.answering import Answering, Begun, beginning
from localqwq.tui.connection import Connection
from localqwq.tui.messages import AnswerEnded, Failed, Opened, PromptReturned, PromptStored
from localqwq.tui.options import budget, chat_options
from localqwq.tui.records import Records
from localqwq.tui.thread import Draft, Thread

if TYPE_CHECKING:
    from localqwq.reasoning.messages import Message as ChatMessage
    from localqwq.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered, and what happens if no answer begins."""

    prompt: Turn
    before: int | None
    """Where the conversation stood before; it goes back there."""
    begun: Begun | None = None
    """What the answer has already."""
    is_new: bool = True
    """The prompt was just written: it goes back to where it was typed."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What an answer is given on."""

    connection: Connection
    settings: Settings
    messages: list[ChatMessage]


class Answers:
    """Has prompts of the open conversation answered."""

    def __init__(
        self,
        records: Records,
        thread: Thread,
        post: Callable[[Message], object],
        basis: Callable[[], Basis],
    ) -> None:
        """`basis` is asked for each answer."""
        self._records = records
        self._thread = thread
        self._post = post
        self._basis = basis
        self._answering: Answering | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def is_answering(self) -> bool:
        """Whether a prompt is waiting for its answer or getting it."""
        return self._task is not None and not self._task.done()

    def begin(self, question: Question) -> None:
        """Has a stored prompt answered, which is the end of the open conversation."""
        self._post(PromptStored(question.prompt))
        self._task = asyncio.create_task(self._answer(question))

    async def stop(self) -> None:
        """Ends the answer and keeps what is there, or takes back a prompt without any."""
        if self._task is not None and not self._task.done():
            if not self._task.cancelling():
                self._task.cancel()
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Stops; no more answers come."""
        self._closing = True
        await self.stop()

    async def answer_now(self) -> None:
        """Has the thought end, and the answer begin; what stands against it is posted."""
        try:
            await self._running().answer_now()
        except LocalqwqError as error:
            self._post(Failed(str(error)))

    async def think_longer(self, tokens: int) -> None:
        """Lets the thought have so many tokens more; what stands against it is posted."""
        try:
            await self._running().think_longer(tokens)
        except LocalqwqError as error:
            self._post(Failed(str(error)))

    def _running(self) -> Answering:
        if self._answering is None:
            raise LocalqwqError("The model is not thinking.")
        return self._answering

    async def _answer(self, question: Question) -> None:
        sentence = ""
        try:
            turn = await self._generate(question)
        except asyncio.CancelledError:
            pass
        except LocalqwqError as error:
            sentence = str(error)
        else:
            await self._thread.reread()
            self._post(AnswerEnded(turn))
            return
        finally:
            self._answering = None
        if not self._closing:  # otherwise that is done when the conversation is opened again
            await self._give_up(question, sentence)

    async def _generate(self, question: Question) -> Turn:
        basis, begun, conversation = self._basis(), question.begun, self._thread.id
        client = await basis.connection.client()
        assert conversation is not None
        answering = self._answering = Answering(
            self._records,
            question.prompt,
            conversation,
            basis.connection.label,
            self._post,
            begun,
        )
        options = chat_options(basis.settings, basis.connection.served, goes_on=begun is not None)
        read = basis.messages if begun is None else [*basis.messages, beginning(begun)]
        return await answering.run(client, read, options, budget(basis.settings.thinking))

    async def _give_up(self, question: Question, sentence: str) -> None:
        """No answer began: all is as before, and a new prompt is where it was typed."""
        prompt = question.prompt
        await self._thread.go_to(question.before)
        if question.is_new and question.before == prompt.parent:
            self._post(PromptReturned(prompt.text, sentence, prompt.attachments))
            return
        draft = Draft(prompt.text, prompt.attachments) if question.is_new else Draft()
        opened = self._thread.conversation
        self._post(Opened(opened, draft.text, draft.attachments, same=True))
        if sentence:
            self._post(Failed(sentence))
