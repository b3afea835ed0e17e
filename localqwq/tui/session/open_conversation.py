"""The conversation that is open, as the store has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from localqwq.conversations.turns import (
    UNSENT_TEMPORARY,
    Attachment,
    Conversation,
    Draft,
    Turn,
    answered,
    is_temporary,
    leaf,
    siblings,
    unanswered,
)
from localqwq.errors import LocalqwqError
from localqwq.tui.session.store_thread import StoreThread

if TYPE_CHECKING:
    from localqwq.conversations.buffered import BufferedStore

_Others = tuple[int, int] | None
"""What a store answers when it is asked for `others`."""


class OpenConversation:
    """Reads and changes the open conversation; every change has reached the disk when it returns.

    Its methods raise LocalqwqError where the store cannot be read or written.
    """

    def __init__(self, records: StoreThread) -> None:
        self._records = records
        self._others: _Others = None
        """The store's answer of that name when the conversation was read; None: read it anew."""
        self.conversation: Conversation | None = None
        """None for a new one that has no prompt yet."""
        self._begins_temporary = False

    @property
    def id(self) -> int | None:
        """The conversation's; None for a new one, or `UNSENT_TEMPORARY`."""
        if self.conversation is not None:
            return self.conversation.id
        return UNSENT_TEMPORARY if self._begins_temporary else None

    @property
    def is_temporary(self) -> bool:
        """Whether nothing of it is stored."""
        return is_temporary(self.id)

    @property
    def path(self) -> tuple[Turn, ...]:
        """The turns that are shown."""
        return () if self.conversation is None else self.conversation.path()

    def turn(self, turn: int) -> Turn:
        """A turn of it, on whatever branch; raises LocalqwqError where there is none."""
        turns = {} if self.conversation is None else self.conversation.turns
        if turn not in turns:
            raise LocalqwqError("That turn is not in this conversation any more.")
        return turns[turn]

    # Opening

    async def open(self, conversation: int | None, turn: int | None = None) -> None:
        """Opens a conversation, on a branch with `turn` if one is named.

        None for a new one, `UNSENT_TEMPORARY` for one that will not be stored.
        """
        if conversation is None or conversation == UNSENT_TEMPORARY:
            self.conversation = None
            self._begins_temporary = conversation is not None
            return

        def find(store: BufferedStore) -> Conversation:
            found = store.get(conversation)
            if turn is None or turn not in found.turns:
                return found
            if turn not in {step.id for step in found.path()}:
                store.move_head(conversation, leaf(found.turns, turn))
                found = store.get(conversation)
            return found

        await self._read(find)

    async def open_last(self) -> None:
        """Opens the conversation that was written to last, which may be one that begins now."""
        await self._read(lambda store: None if store.is_new_one_newer() else store.last())

    async def reread(self, head: int | None = None) -> None:
        """Takes in what changed in the store.

        The conversation stands at `head` then, or where it stood, while that is there: another
        window may have gone on elsewhere in it, and that is where the store's own head is.
        """
        if self.conversation is None:
            return
        stood = self.conversation.head if head is None else head
        others, found = await self._found(self.conversation.id)
        self._take_in(others, replace(found, head=stood) if stood in found.turns else found)

    def expect_changes(self) -> None:
        """Something else in this app has changed the conversation: it is read anew next time."""
        self._others = None

    async def draft(self, *, is_answered: bool = False) -> Draft:
        """What was sent in it and not answered, and behind that what was typed and not sent.

        `is_answered`: the answer to the last prompt is on its way.
        """
        conversation = self.id
        unanswered = Draft() if is_answered else await self.withdraw()
        typed = await self._records.do(lambda store: store.draft(conversation))
        text = "\n".join(text for text in (unanswered.text, typed.text) if text)
        return Draft(text, (*unanswered.attachments, *typed.attachments))

    async def withdraw(self) -> Draft:
        """Takes a prompt that nobody answered off the path; it belongs into the prompt.

        Should it have been a branch, what is beside it is shown.
        """
        prompt = unanswered(self.path)
        if prompt is None or self.conversation is None:
            return Draft()
        turns = self.conversation.turns
        if (end := leaf(turns, prompt.id)) != prompt.id:  # it was to be answered once more
            await self.go_to(end)
            return Draft()
        others = answered(turns, None)
        beside = [turn for turn in others.values() if turn.parent == prompt.parent]
        newest = max(beside, key=lambda turn: turn.id, default=None)
        await self.go_to(leaf(others, newest.id) if newest else prompt.parent)
        return Draft(prompt.text, prompt.attachments)

    def await_answer(self, prompt: int) -> None:
        """The conversation stands at this prompt: its answer is on its way, and not a turn yet."""
        if self.conversation is not None:
            turns = {
                number: turn
                for number, turn in self.conversation.turns.items()
                if turn.parent != prompt or turn.status != "running"
            }
            self.conversation = replace(self.conversation, head=prompt, turns=turns)

    # Turns

    async def ask(
        self, text: str, attachments: tuple[Attachment, ...], parent: int | None, system: str
    ) -> Turn:
        """Stores a prompt after `parent`; a new conversation is told `system` first."""
        conversation, temporary = self.conversation, self.is_temporary
        if conversation is None:
            await self._read(
                lambda store: store.create(text, system, attachments, temporary=temporary)
            )
        else:
            await self._grow(
                conversation,
                lambda store: store.add_prompt(conversation.id, parent, text, attachments),
            )
        return self.path[-1]

    async def take(self, turn: Turn) -> None:
        """Goes on to an answer of this conversation that was just stored."""
        if self.conversation is not None:
            await self._grow(self.conversation, lambda _: turn)

    async def go_to(self, head: int | None) -> None:
        """Goes on after this turn; what is behind it stays as a branch."""
        if self.conversation is not None:
            conversation = self.conversation.id
            await self._records.do(lambda store: store.move_head(conversation, head))
            others, found = await self._found(conversation)
            self._take_in(others, replace(found, head=head))

    async def branch(self, turn: int, step: int) -> int:
        """Goes to an older or newer branch at a turn; the turn there, or the same at the edge."""
        assert self.conversation is not None
        beside = siblings(answered(self.conversation.turns, turn), self.turn(turn).id)
        at = next(index for index, other in enumerate(beside) if other.id == turn) + step
        to = beside[min(max(at, 0), len(beside) - 1)].id
        if to != turn:
            await self.go_to(leaf(self.conversation.turns, to))
        return to

    async def remove(self, turn: int) -> None:
        """Takes a turn away, with all behind it."""
        self.turn(turn)
        await self._records.do(lambda store: store.remove_turn(turn))
        await self.reread()

    async def restore(self, turn: int) -> None:
        """Undoes `remove`."""
        await self.reread(await self._records.do(lambda store: store.restore_turn(turn)))

    # Inside

    async def _read(self, find: Callable[[BufferedStore], Conversation | None]) -> None:
        """Opens a conversation as the store has it."""

        def work(store: BufferedStore) -> tuple[_Others, Conversation | None]:
            others = store.others
            return others, find(store)

        self._others, self.conversation = await self._records.do(work)

    async def _found(self, conversation: int) -> tuple[_Others, Conversation]:
        return await self._records.do(lambda store: (store.others, store.get(conversation)))

    async def _grow(self, conversation: Conversation, add: Callable[[BufferedStore], Turn]) -> None:
        """Adds a turn at the end.

        All others are read again only where somebody else has written: a long conversation takes
        longer to read than its next answer to begin.
        """

        def work(store: BufferedStore) -> tuple[_Others, Conversation]:
            turn = add(store)
            others = store.others
            if others is None or others == self._others:
                return others, conversation.grown(turn)
            return others, replace(store.get(conversation.id), head=turn.id)

        self._take_in(*await self._records.do(work))

    def _take_in(self, others: _Others, conversation: Conversation) -> None:
        """The open conversation is like this now; another may have been opened meanwhile."""
        if self.id == conversation.id:
            self._others, self.conversation = others, conversation
