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
from localqwq.tui.session.connection import Connection
from localqwq.tui.session.drafts import Drafts
from localqwq.tui.session.messages import Failed, Opened, PromptReturned, Removed, Report, Sought
from localqwq.tui.session.open_conversation import OpenConversation
from localqwq.tui.session.partial_answer import PartialAnswer, begun_measures
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.session.tool_choice import ToolChoice, tool_choice
from localqwq.tui.session.toolbox import Toolbox

if TYPE_CHECKING:
    from localqwq.conversations.buffered import BufferedStore
    from localqwq.settings.schema import Settings
    from localqwq.tui.session.beginning import Beginning
    from localqwq.tui.session.models import Model


class Session:
    """Takes a person's actions and posts the results.

    Call its methods from the event loop's thread. None of them waits for the model, and none
    raises: failures are posted as ``Failed``.
    """

    def __init__(
        self,
        records: StoreThread,
        model: Model,
        post: Callable[[Report], object],
        beginning: Beginning,
        settings: Settings,
    ) -> None:
        """Set up; ``post`` receives the reports of ``localqwq.tui.session.messages``."""
        self.settings = settings
        """The general settings; a conversation may override some."""
        self.records = records
        self._post = post
        self._beginning = beginning
        self._connection = Connection(model, post)
        self._thread = OpenConversation(records)
        self._drafts = Drafts(records)
        self.toolbox = Toolbox(post, lambda: self.settings.agent.mcp_files)
        self._answers = AnswerJobs(
            records, self._thread, post, self._basis, self._drafts.put_before, self.toolbox
        )
        self._coming: dict[str, object] = {}
        self._removed: int | None = None
        self._changing = asyncio.Lock()
        """Input may arrive concurrently, but the conversation is changed by one action at a
        time.
        """

    # State

    @property
    def is_answering(self) -> bool:
        """Whether a prompt of the open conversation is waiting for its answer or receiving it."""
        return self._answers.is_answering

    @property
    def answers(self) -> AnswerJobs:
        """The running answers, in this conversation and in others."""
        return self._answers

    @property
    def conversation(self) -> Conversation | None:
        """The open conversation; None for a new one."""
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
        """The visible turns."""
        return self._thread.path

    def turn(self, turn: int) -> Turn | None:
        """Return a turn of the conversation, on any branch; None if it is gone."""
        return self.conversation.turns.get(turn) if self.conversation else None

    @property
    def has_removed(self) -> bool:
        """Whether something was removed that ``undo`` restores."""
        return self._removed is not None

    @property
    def connection(self) -> Connection:
        """The connection to the model."""
        return self._connection

    @property
    def own(self) -> Mapping[str, object]:
        """The conversation's own values; for a new one, those that it will begin with."""
        return self.conversation.settings if self.conversation else self._coming

    @property
    def in_force(self) -> Settings:
        """The settings including the conversation's own values."""
        if not self.own:
            return self.settings
        from localqwq.settings.repair import overridden

        return overridden(self.settings, self.own)

    @property
    def tools(self) -> ToolChoice:
        """The tools and folders of the conversation."""
        return tool_choice(self.in_force, self.own)

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
        """Open the initial conversation, and start loading the model."""
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
        """Show another conversation; the current one's answer continues.

        None for a new one, ``UNSENT_TEMPORARY`` for one that will not be stored.
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
        """Read what was changed in the store."""
        async with self._changing:
            if self.is_answering:
                self._thread.expect_changes()
            else:
                with contextlib.suppress(LocalqwqError):  # gone: what is shown can still be read
                    await self._thread.reread()

    async def new(self) -> None:
        """Start a new conversation; the current one's answer continues."""
        await self.show(None)

    async def begin_temporary(self) -> None:
        """Start a new conversation that is never stored.

        Text typed for a conversation that has not begun is taken along.
        """
        if self.conversation is None and not self.is_temporary:
            await self._drafts.flush()
            with contextlib.suppress(LocalqwqError):  # opening reports it
                await self.records.do(_take_along)
        await self.show(UNSENT_TEMPORARY)

    def note_draft(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        """Note the text in the prompt."""
        self._drafts.note(self._thread.id, Draft(text, attachments))

    async def set_overrides(self, values: Mapping[str, object]) -> None:
        """Set the conversation's own values for some settings; a new one begins with them."""
        if self.conversation is None:
            self._coming = dict(values)
        else:
            conversation = self.conversation.id
            await self.records.do(lambda store: store.set_settings(conversation, values))
            await self._thread.reread()

    # Turns

    async def send(self, text: str, attachments: tuple[Attachment, ...] = ()) -> bool:
        """Store a prompt and have it answered; return whether that was possible.

        It is not while an answer is running, or without text.
        """
        async with self._changing:
            if self.is_answering or not text.strip():
                return False
            path = self._thread.path
            self._drafts.note(self._thread.id, Draft())
            await self._ask(text, attachments, path[-1].id if path else None)
            return True

    async def edit(self, turn: int, text: str) -> None:
        """Ask another prompt instead of this one, as a branch; one without text is ignored."""
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
        """Answer a prompt again, as a branch; ``turn`` is the prompt or an answer to it."""
        await self._again(turn)

    async def vote(self, turn: int, samples: int) -> None:
        """Answer a prompt ``samples`` times, and keep the answer that most agree on, as a branch.

        ``turn`` is the prompt or an answer to it. Votes are without tools, which is said.
        """
        if self.tools.names:
            self._post(Failed("A vote is without tools; /tools none turns them off here."))
            return
        await self._again(turn, samples=samples)

    async def continue_from(self, turn: int, thought: str, text: str) -> None:
        """Continue an answer from this thought and text, as a branch beside ``turn``.

        Without text it continues within the thought.
        """
        thought, text = thought.rstrip(" \t"), text.rstrip(" \t")
        old = self.turn(turn)
        goes_on = thought or text or (old is not None and old.rounds)
        await self._again(turn, (thought, text) if goes_on else None)

    async def think_on(self, turn: int) -> None:
        """Continue an answer's thought, although it had ended."""
        old = self.turn(turn)
        if old is not None:
            words = self.in_force.thinking.hand_over
            await self.continue_from(turn, old.thought.removesuffix(words).rstrip("\n"), "")

    async def branch(self, turn: int, step: int) -> None:
        """Show the branch ``step`` places newer than the one with ``turn``; negative: older."""
        async with self._changing:
            await self.stop()
            try:
                shown = await self._thread.branch(turn, step)
            except LocalqwqError as error:
                self._post(Failed(str(error)))
                return
            self._post(Opened(self.conversation, turn=shown, same=True))

    async def remove(self, turn: int) -> None:
        """Remove a turn and all after it; ``undo`` restores it."""
        async with self._changing:
            await self.stop()
            if await self._changed(self._thread.remove(turn)):
                self._removed = turn
                self._post(Removed("The turn and what followed it are removed."))

    async def undo(self) -> None:
        """Restore what was removed last."""
        async with self._changing:
            turn, self._removed = self._removed, None
            if turn is None:
                self._post(Failed("There is nothing to restore."))
            else:
                await self.stop()
                await self._changed(self._thread.restore(turn), turn)

    # The answer

    async def stop(self) -> None:
        """End the answer and keep what is there, or take back a prompt without any."""
        await self._answers.stop()

    async def answer_now(self) -> None:
        """End the thought and begin the answer."""
        await self._answers.answer_now()

    async def think_longer(self, tokens: int) -> None:
        """Give the thought this many more tokens."""
        await self._answers.think_longer(tokens)

    # The model

    async def switch(self, model: Model) -> None:
        """Switch to another model; the conversation stays, and all answers end."""
        await self._answers.stop_all()
        await self._connection.close()
        self._connection = Connection(model, self._post)
        self._connection.start()

    async def close(self) -> str:
        """Stop, and end the model.

        Returns a sentence about what could not be stored; empty if everything was.
        """
        await self._answers.close()
        await self.toolbox.close()
        await self._drafts.close()
        left = await self.records.close()
        await self._connection.close()
        return left

    # Internals

    async def _opened(self, turn: int | None = None) -> None:
        """Show the newly opened conversation, and its running answer."""
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
        """End an answer that would continue on another branch than the one to be shown."""
        found = await self.records.do(lambda store: store.get(conversation))
        if turn not in {step.id for step in path(found.turns, question.prompt.id)}:
            await self._answers.stop(conversation)

    async def _changed(self, change: Awaitable[None], turn: int | None = None) -> bool:
        """Change the conversation and show it; return whether that succeeded."""
        try:
            await change
            draft = await self._thread.withdraw()
        except LocalqwqError as error:
            self._post(Failed(str(error)))
            return False
        self._post(Opened(self.conversation, draft.text, draft.attachments, turn, same=True))
        return True

    async def _rewind(self, head: int | None) -> None:
        """Show the conversation up to a turn, for something new to follow it."""
        await self._thread.go_to(head)
        self._post(Opened(self.conversation, same=True))

    async def _again(
        self, turn: int, words: tuple[str, str] | None = None, samples: int = 1
    ) -> None:
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
                begun = PartialAnswer(*words, begun_measures(old, words[0]), old.rounds)
            self._answers.begin(Question(prompt, before, begun, is_new=False, samples=samples))

    async def _ask(
        self,
        text: str,
        attachments: tuple[Attachment, ...],
        parent: int | None,
        before: int | None = None,
    ) -> None:
        """Store a prompt after ``parent`` and have it answered."""
        try:
            is_new = self.conversation is None
            prompt = await self._thread.ask(text, attachments, parent, self.system)
            if is_new and self._coming:
                coming, self._coming = self._coming, {}
                await self.set_overrides(coming)
        except LocalqwqError as error:
            self._post(PromptReturned(text, str(error), attachments))
        else:
            self._answers.begin(Question(prompt, parent if before is None else before))

    def _basis(self) -> AnswerInputs:
        settings = self.in_force
        read = messages(self.path, self.system, keep_thoughts=settings.thinking.keep)
        asked = worded(read, settings.prompts.chosen())
        return AnswerInputs(self._connection, settings, asked, self.tools)


def _take_along(store: BufferedStore) -> None:
    """Use the draft for a new conversation in the temporary one."""
    draft = store.draft(None)
    store.set_draft(UNSENT_TEMPORARY, draft.text, draft.attachments)
    store.set_draft(None, "", ())
