"""A session: one conversation at a time with one model. It knows no widgets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from textual.message import Message

from localqwq.conversations.turns import Conversation, Turn, messages, unanswered
from localqwq.errors import LocalqwqError
from localqwq.tui.answering import Answering
from localqwq.tui.connection import Connection
from localqwq.tui.messages import AnswerEnded, Failed, Opened, PromptReturned, PromptStored
from localqwq.tui.records import Records


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a session begins with."""

    resume: int | None = None
    """The id of a conversation; None for the one that was written to last."""
    system: str = ""
    """The system prompt of conversations that begin in this session. Where no conversation is
    named, the first of them begins at once."""


class Session:
    """Takes what a person does and posts what comes of it.

    Its methods are called from the event loop's thread. None of them waits for the model.
    """

    def __init__(
        self,
        records: Records,
        connection: Connection,
        post: Callable[[Message], object],
        beginning: Beginning,
    ) -> None:
        """`post` takes the messages of `localqwq.tui.messages`."""
        self._records = records
        self._connection = connection
        self._post = post
        self._beginning = beginning
        self._conversation: int | None = None
        self._system = beginning.system
        self._path: tuple[Turn, ...] = ()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def is_answering(self) -> bool:
        """Whether a prompt is waiting for its answer or getting it."""
        return self._task is not None and not self._task.done()

    async def open(self) -> None:
        """Opens the conversation to begin with, and begins to load the model."""
        self._connection.start()
        resume = self._beginning.resume
        try:
            conversation = await self._records.do(
                lambda store: store.last() if resume is None else store.get(resume)
            )
        except LocalqwqError as error:
            self._post(Opened(None))
            self._post(Failed(str(error)))
            return
        if conversation is None or (self._system and resume is None):
            self._post(Opened(None))
            return
        self._conversation, self._system = conversation.id, conversation.system
        self._path = conversation.path()
        draft = unanswered(self._path)
        if draft is not None:
            await self._withdraw(draft)
            conversation = await self._reread(conversation)
        self._post(Opened(conversation, draft.text if draft else ""))

    async def new(self) -> None:
        """Leaves the conversation, stopping an answer, for a new one."""
        await self.stop()
        self._conversation, self._path = None, ()
        self._system = self._beginning.system
        self._post(Opened(None))

    async def send(self, text: str) -> None:
        """Stores a prompt and has it answered; only when nothing is being answered."""
        try:
            prompt = await self._store(text)
        except LocalqwqError as error:
            self._post(PromptReturned(text, str(error)))
        else:
            self._post(PromptStored(prompt))
            self._task = asyncio.create_task(self._answer(prompt))

    async def stop(self) -> None:
        """Ends the answer and keeps what is there, or takes back a prompt without any."""
        if self._task is not None and not self._task.done():
            if not self._task.cancelling():
                self._task.cancel()
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Stops, and ends the model."""
        self._closing = True
        await self.stop()
        await self._connection.close()
        await self._records.close()

    async def _answer(self, prompt: Turn) -> None:
        sentence = ""
        try:
            turn = await self._generate(prompt)
        except asyncio.CancelledError:
            pass
        except LocalqwqError as error:
            sentence = str(error)
        else:
            self._path = (*self._path, turn)
            self._post(AnswerEnded(turn))
            return
        if not self._closing:  # otherwise it comes back when the conversation is opened again
            await self._withdraw(prompt)
            self._post(PromptReturned(prompt.text, sentence))

    async def _store(self, text: str) -> Turn:
        """The prompt as a stored turn at the end of the path."""
        conversation, system = self._conversation, self._system
        if conversation is None:
            created = await self._records.do(lambda store: store.create(text, system))
            self._conversation = created.id
            self._path = created.path()
        else:
            parent = self._path[-1].id if self._path else None
            turn = await self._records.do(
                lambda store: store.add_prompt(conversation, parent, text)
            )
            self._path = (*self._path, turn)
        return self._path[-1]

    async def _generate(self, prompt: Turn) -> Turn:
        client = await self._connection.client()
        assert self._conversation is not None
        answering = Answering(
            self._records, self._conversation, prompt, self._connection.label, self._post
        )
        read = messages(self._path, self._system)
        return await answering.run(client, read, self._connection.served)

    async def _withdraw(self, prompt: Turn) -> None:
        """Takes a prompt without an answer off the path; the store keeps it as a branch."""
        conversation, parent = self._conversation, prompt.parent
        self._path = self._path[:-1]
        if conversation is not None:
            await self._records.do(lambda store: store.move_head(conversation, parent))

    async def _reread(self, conversation: Conversation) -> Conversation:
        return await self._records.do(lambda store: store.get(conversation.id))
