"""A session: one conversation at a time with one model. It knows no widgets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from localqwq.client.options import system_prompt, worded
from localqwq.conversations.turns import (
    UNSENT_TEMPORARY,
    Attachment,
    Conversation,
    Draft,
    Turn,
    messages,
    path,
)
from localqwq.errors import LocalqwqError
from localqwq.tui.session.answer_jobs import AnswerInputs, AnswerJobs, Question
from localqwq.tui.session.answer_run import PartialAnswer, begun_measures
from localqwq.tui.session.connection import Connection
from localqwq.tui.session.drafts import Drafts
from localqwq.tui.session.messages import Failed, Opened, PromptReturned, Removed, Report, Sought
from localqwq.tui.session.open_conversation import OpenConversation
from localqwq.tui.session.store_thread import StoreThread

if TYPE_CHECKING:
    from localqwq.conversations.buffered import BufferedStore
    from localqwq.settings.schema import Settings
    from localqwq.tui.session.beginning import Beginning
    from localqwq.tui.session.models import Model


class Session:
    """Takes what a person does and posts what comes of it.

    Its methods are called from the event loop's thread. None of them waits for the model, and
    none raises: what could not be done is posted as `Failed`.
    """

    def __init__(
        self,
        records: StoreThread,
        model: Model,
        post: Callable[[Report], object],
        beginning: Beginning,
        settings: Settings,
    ) -> None:
        """`post` takes the messages of `localqwq.tui.session.messages`."""
        self.settings = settings
        """Those of everybody; a conversation may have values of its own."""
        self.records = records
        self._post = post
        self._beginning = beginning
        self._connection = Connection(model, post)
        self._thread = OpenConversation(records)
        self._drafts = Drafts(records)
        self._answers = AnswerJobs(records, self._thread, post, self._basis)
        self._removed: int | None = None
        self._changing = asyncio.Lock()
        """Keys and clicks may come at once: the conversation is changed by one after the other."""

    # What there is

    @property
    def is_answering(self) -> bool:
        """Whether a prompt of the open conversation waits for its answer or gets it."""
        return self._answers.is_answering

    @property
    def answers(self) -> AnswerJobs:
        """Those on their way, in this conversation and in others."""
        return self._answers

    @property
    def conversation(self) -> Conversation | None:
        """The one that is open; None for a new one."""
        return self._thread.conversation

    @property
    def is_changing(self) -> bool:
        """Whether the open conversation is being changed, or another one opened."""
        return self._changing.locked()

    @property
    def is_temporary(self) -> bool:
        """Whether nothing of the open conversation is stored."""
        return self._thread.is_temporary

    @property
    def path(self) -> tuple[Turn, ...]:
        """The turns that are shown."""
        return self._thread.path

    def turn(self, turn: int) -> Turn | None:
        """A turn of the conversation, on whatever branch; None where it is gone."""
        return self.conversation.turns.get(turn) if self.conversation else None

    @property
    def has_removed(self) -> bool:
        """Whether something was removed that `undo` brings back."""
        return self._removed is not None

    @property
    def connection(self) -> Connection:
        """The way to the model."""
        return self._connection

    @property
    def in_force(self) -> Settings:
        """The settings with the conversation's own values."""
        own = self.conversation.settings if self.conversation else {}
        if not own:
            return self.settings
        from localqwq.settings.repair import overridden

        return overridden(self.settings, own)

    @property
    def system(self) -> str:
        """The system prompt of this conversation, or of one that begins now."""
        conversation = self.conversation
        if conversation is None:
            return self._beginning.system or system_prompt(self.settings)
        if "prompts.system" in conversation.settings:
            return self.in_force.prompts.system
        return conversation.system

    # Conversations

    async def open(self) -> None:
        """Opens the conversation to begin with, and begins to load the model."""
        self._connection.start()
        resume = self._beginning.resume
        try:
            if resume is not None:
                await self._thread.open(resume)
            elif not self._beginning.system:
                await self._thread.open_last()
        except LocalqwqError as error:
            self._post(Opened(None))
            self._post(Failed(str(error)))
            return
        await self._opened()

    async def show(self, conversation: int | None, turn: int | None = None) -> None:
        """Leaves the conversation for another one; its answer goes on.

        None for a new one, `UNSENT_TEMPORARY` for one that will not be stored.
        """
        async with self._changing:
            await self._drafts.flush()
            question = self._answers.question(conversation)
            try:
                if question is not None and turn is not None and conversation is not None:
                    await self._make_way(conversation, question, turn)
                self._answers.follow(None)
                await self._thread.open(conversation, turn)
            except LocalqwqError as error:
                self._answers.follow(self._thread.id)
                self._post(Failed(str(error)))
            else:
                await self._opened(turn)

    async def reread(self) -> None:
        """Takes in what was changed in the store."""
        async with self._changing:
            if self.is_answering:
                self._thread.expect_changes()
            else:
                with contextlib.suppress(LocalqwqError):  # gone: what is shown can be read on
                    await self._thread.reread()

    async def new(self) -> None:
        """Leaves the conversation for a new one; its answer goes on."""
        await self.show(None)

    async def begin_temporary(self) -> None:
        """Leaves the conversation for a new one that is never stored.

        What is typed goes along where that one has not begun, either.
        """
        if self.conversation is None and not self.is_temporary:
            await self._drafts.flush()
            with contextlib.suppress(LocalqwqError):  # opening it tells
                await self.records.do(_take_along)
        await self.show(UNSENT_TEMPORARY)

    def note_draft(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        """This is in the prompt now."""
        self._drafts.note(self._thread.id, Draft(text, attachments))

    async def set_overrides(self, values: Mapping[str, object]) -> None:
        """Gives the conversation its own values for some settings."""
        if self.conversation is not None:
            conversation = self.conversation.id
            await self.records.do(lambda store: store.set_settings(conversation, values))
            await self._thread.reread()

    # Turns

    async def send(self, text: str, attachments: tuple[Attachment, ...] = ()) -> bool:
        """Stores a prompt and has it answered; whether so.

        It is not while an answer is on its way, and nothing is ever asked without words.
        """
        async with self._changing:
            if self.is_answering or not text.strip():
                return False
            path = self._thread.path
            self._drafts.note(self._thread.id, Draft())
            await self._ask(text, attachments, path[-1].id if path else None)
            return True

    async def edit(self, turn: int, text: str) -> None:
        """Asks another prompt in the place of this one, as a branch; one without words is not."""
        if not text.strip():
            return
        async with self._changing:
            await self.stop()
            try:
                old = self._thread.turn(turn)
            except LocalqwqError as error:
                self._post(Failed(str(error)))
                return
            before = self.conversation.head if self.conversation else None
            await self._rewind(old.parent)
            await self._ask(text, old.attachments, old.parent, before)

    async def regenerate(self, turn: int) -> None:
        """Has a prompt answered once more, as a branch; `turn` is the prompt or an answer to it."""
        await self._again(turn)

    async def continue_from(self, turn: int, thought: str, text: str) -> None:
        """Has an answer go on from this thought and text, as a branch beside `turn`.

        Without text it goes on within the thought.
        """
        thought, text = thought.rstrip(" \t"), text.rstrip(" \t")
        await self._again(turn, (thought, text) if thought or text else None)

    async def think_on(self, turn: int) -> None:
        """Has an answer's thought go on, though it had come to its end."""
        old = self.turn(turn)
        if old is not None:
            words = self.in_force.thinking.hand_over
            await self.continue_from(turn, old.thought.removesuffix(words).rstrip("\n"), "")

    async def branch(self, turn: int, step: int) -> None:
        """Shows the branch `step` places newer than the one with `turn`; negative: older."""
        async with self._changing:
            await self.stop()
            try:
                shown = await self._thread.branch(turn, step)
            except LocalqwqError as error:
                self._post(Failed(str(error)))
                return
            self._post(Opened(self.conversation, turn=shown, same=True))

    async def remove(self, turn: int) -> None:
        """Takes a turn away, with all behind it; `undo` brings it back."""
        async with self._changing:
            await self.stop()
            if await self._changed(self._thread.remove(turn)):
                self._removed = turn
                self._post(Removed("The turn and what followed it are removed."))

    async def undo(self) -> None:
        """Brings back what was removed last."""
        async with self._changing:
            turn, self._removed = self._removed, None
            if turn is None:
                self._post(Failed("There is nothing to bring back."))
            else:
                await self.stop()
                await self._changed(self._thread.restore(turn), turn)

    # The answer

    async def stop(self) -> None:
        """Ends the answer and keeps what is there, or takes back a prompt without any."""
        await self._answers.stop()

    async def answer_now(self) -> None:
        """Has the thought end, and the answer begin."""
        await self._answers.answer_now()

    async def think_longer(self, tokens: int) -> None:
        """Lets the thought have so many tokens more."""
        await self._answers.think_longer(tokens)

    # The model

    async def switch(self, model: Model) -> None:
        """Goes on with another model; the conversation stays, and all answers end."""
        await self._answers.stop_all()
        await self._connection.close()
        self._connection = Connection(model, self._post)
        self._connection.start()

    async def close(self) -> str:
        """Stops, and ends the model.

        Returns a sentence about what could not be stored; empty where all was.
        """
        await self._answers.close()
        await self._drafts.close()
        left = await self.records.close()
        await self._connection.close()
        return left

    # Inside

    async def _opened(self, turn: int | None = None) -> None:
        """Shows the conversation that the thread has opened, and the answer on its way in it."""
        draft = Draft()
        question, settled = None, False
        while not settled:  # an answer may end while the draft is read
            question = self._answers.question(self._thread.id)
            try:
                draft = await self._thread.draft(is_answered=question is not None)
            except LocalqwqError as error:
                self._post(Failed(str(error)))
                break
            settled = self._answers.question(self._thread.id) is question
            if not settled:
                await self._thread.reread()
        if question is not None:
            self._thread.await_answer(question.prompt.id)
        shown = turn if question is None else None
        self._post(Opened(self.conversation, draft.text, draft.attachments, shown))
        self._answers.follow(self._thread.id)
        if question is not None and turn is not None:
            self._post(Sought(turn))

    async def _make_way(self, conversation: int, question: Question, turn: int) -> None:
        """Ends an answer that would go on on another branch than the one to be shown."""
        found = await self.records.do(lambda store: store.get(conversation))
        if turn not in {step.id for step in path(found.turns, question.prompt.id)}:
            await self._answers.stop(conversation)

    async def _changed(self, change: Awaitable[None], turn: int | None = None) -> bool:
        """Changes the conversation and shows it; whether that went well."""
        try:
            await change
            draft = await self._thread.withdraw()
        except LocalqwqError as error:
            self._post(Failed(str(error)))
            return False
        self._post(Opened(self.conversation, draft.text, draft.attachments, turn, same=True))
        return True

    async def _rewind(self, head: int | None) -> None:
        """Shows the conversation up to a turn, for something new to come behind it."""
        await self._thread.go_to(head)
        self._post(Opened(self.conversation, same=True))

    async def _again(self, turn: int, words: tuple[str, str] | None = None) -> None:
        async with self._changing:
            await self.stop()
            try:
                old = self._thread.turn(turn)
                prompt = old if old.role == "user" else self._thread.turn(old.parent or 0)
                before = self.conversation.head if self.conversation else None
                await self._rewind(prompt.id)
            except LocalqwqError as error:
                self._post(Failed(str(error)))
                return
            begun = None
            if words is not None:
                begun = PartialAnswer(*words, begun_measures(old, words[0]))
            self._answers.begin(Question(prompt, before, begun, is_new=False))

    async def _ask(
        self,
        text: str,
        attachments: tuple[Attachment, ...],
        parent: int | None,
        before: int | None = None,
    ) -> None:
        """Stores a prompt after `parent` and has it answered."""
        try:
            prompt = await self._thread.ask(text, attachments, parent, self.system)
        except LocalqwqError as error:
            self._post(PromptReturned(text, str(error), attachments))
        else:
            self._answers.begin(Question(prompt, parent if before is None else before))

    def _basis(self) -> AnswerInputs:
        settings = self.in_force
        read = messages(self.path, self.system, keep_thoughts=settings.thinking.keep)
        return AnswerInputs(self._connection, settings, worded(read, settings.prompts.chosen()))


def _take_along(store: BufferedStore) -> None:
    """What is typed for the conversation that has not begun is for a temporary one."""
    draft = store.draft(None)
    store.set_draft(UNSENT_TEMPORARY, draft.text, draft.attachments)
    store.set_draft(None, "", ())
