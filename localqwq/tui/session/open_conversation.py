"""The open conversation, as stored."""

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
"""The store's answer to ``others``."""


class OpenConversation:
    """Reads and changes the open conversation; each change is on the disk when its call returns.

    Its methods raise LocalqwqError if the store cannot be read or written.
    """

    def __init__(self, records: StoreThread) -> None:
        self._records = records
        self._others: _Others = None
        """The store's ``others`` when the conversation was read; None to read it again."""
        self.conversation: Conversation | None = None
        """The conversation; None for a new one without a prompt."""
        self._begins_temporary = False

    @property
    def id(self) -> int | None:
        """The conversation's id; None for a new one, or ``UNSENT_TEMPORARY``."""
        if self.conversation is not None:
            return self.conversation.id
        return UNSENT_TEMPORARY if self._begins_temporary else None

    @property
    def is_temporary(self) -> bool:
        """Whether nothing of it is stored."""
        return is_temporary(self.id)

    @property
    def path(self) -> tuple[Turn, ...]:
        """The visible turns."""
        return () if self.conversation is None else self.conversation.path()

    def turn(self, turn: int) -> Turn:
        """Return one of its turns, on any branch; raises LocalqwqError if there is none."""
        turns = {} if self.conversation is None else self.conversation.turns
        if turn not in turns:
            raise LocalqwqError("That turn is no longer in this conversation.")
        return turns[turn]

    # Opening

    async def open(self, conversation: int | None, turn: int | None = None) -> None:
        """Open a conversation, on a branch with ``turn`` if given.

        None for a new one, ``UNSENT_TEMPORARY`` for one that will not be stored.
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
        """Open the conversation last written to, which may be one that begins now."""
        await self._read(lambda store: None if store.is_new_one_newer() else store.last())

    async def reread(self, head: int | None = None) -> None:
        """Read what has changed in the store.

        The conversation stays at ``head``, or where it was, if that still exists: the store's own
        head is where another window may have moved it.
        """
        if self.conversation is None:
            return
        stood = self.conversation.head if head is None else head
        others, found = await self._found(self.conversation.id)
        self._take_in(others, replace(found, head=stood) if stood in found.turns else found)

    def expect_changes(self) -> None:
        """Note that something else in this app changed the conversation, so it is read again next
        time.
        """
        self._others = None

    async def draft(self, *, is_answered: bool = False) -> Draft:
        """Return its unanswered prompt, followed by its unsent text.

        ``is_answered``: whether the answer to the last prompt is running.
        """
        conversation = self.id
        unanswered = Draft() if is_answered else await self.withdraw()
        typed = await self._records.do(lambda store: store.draft(conversation))
        text = "\n".join(text for text in (unanswered.text, typed.text) if text)
        return Draft(text, (*unanswered.attachments, *typed.attachments))

    async def withdraw(self) -> Draft:
        """Take an unanswered prompt off the path, for the input field.

        If it was a branch, its neighbour is shown.
        """
        prompt = unanswered(self.path)
        if prompt is None or self.conversation is None:
            return Draft()
        turns = self.conversation.turns
        if (end := leaf(turns, prompt.id)) != prompt.id:  # it was to be answered again
            await self.go_to(end)
            return Draft()
        others = answered(turns, None)
        beside = [turn for turn in others.values() if turn.parent == prompt.parent]
        newest = max(beside, key=lambda turn: turn.id, default=None)
        await self.go_to(leaf(others, newest.id) if newest else prompt.parent)
        return Draft(prompt.text, prompt.attachments)

    def await_answer(self, prompt: int) -> None:
        """Note that the answer to this prompt, not a turn yet, is running."""
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
        """Store a prompt after ``parent``, starting a new conversation with ``system`` if
        needed.
        """
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
        """Move to an answer of this conversation that was just stored."""
        if self.conversation is not None:
            await self._grow(self.conversation, lambda _: turn)

    async def go_to(self, head: int | None) -> None:
        """Continue after this turn; later turns remain as a branch."""
        if self.conversation is not None:
            conversation = self.conversation.id
            await self._records.do(lambda store: store.move_head(conversation, head))
            others, found = await self._found(conversation)
            self._take_in(others, replace(found, head=head))

    async def branch(self, turn: int, step: int) -> int:
        """Move to an older or newer branch at a turn; return its turn, or the same at the edge."""
        assert self.conversation is not None
        beside = siblings(answered(self.conversation.turns, turn), self.turn(turn).id)
        at = next(index for index, other in enumerate(beside) if other.id == turn) + step
        to = beside[min(max(at, 0), len(beside) - 1)].id
        if to != turn:
            await self.go_to(leaf(self.conversation.turns, to))
        return to

    async def remove(self, turn: int) -> None:
        """Remove a turn and all after it."""
        self.turn(turn)
        await self._records.do(lambda store: store.remove_turn(turn))
        await self.reread()

    async def restore(self, turn: int) -> None:
        """Undo ``remove``."""
        await self.reread(await self._records.do(lambda store: store.restore_turn(turn)))

    # Internals

    async def _read(self, find: Callable[[BufferedStore], Conversation | None]) -> None:
        """Open a conversation as stored."""

        def work(store: BufferedStore) -> tuple[_Others, Conversation | None]:
            others = store.others
            return others, find(store)

        self._others, self.conversation = await self._records.do(work)

    async def _found(self, conversation: int) -> tuple[_Others, Conversation]:
        return await self._records.do(lambda store: (store.others, store.get(conversation)))

    async def _grow(self, conversation: Conversation, add: Callable[[BufferedStore], Turn]) -> None:
        """Add a turn at the end.

        The others are read again only if somebody else has written: reading a long conversation
        takes longer than starting its next answer.
        """

        def work(store: BufferedStore) -> tuple[_Others, Conversation]:
            turn = add(store)
            others = store.others
            if others is None or others == self._others:
                return others, conversation.grown(turn)
            return others, replace(store.get(conversation.id), head=turn.id)

        self._take_in(*await self._records.do(work))

    def _take_in(self, others: _Others, conversation: Conversation) -> None:
        """Set the open conversation's state, unless another was opened meanwhile."""
        if self.id == conversation.id:
            self._others, self.conversation = others, conversation
