"""Changes that cannot be written yet: applied in memory, and queued for the file."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from localqwq.conversations import unsaved
from localqwq.conversations.changes import Change
from localqwq.conversations.file import NotStoredError, reason_of
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Conversation, Turn, is_temporary
from localqwq.errors import LocalqwqError

Result = TypeVar("Result")

PATIENCE_SECONDS = 0.5
"""Seconds that a change waits for another writing process before it is postponed."""
LEAVING_SECONDS = 3.0
"""The same for the last attempt on exit."""
KNOWN = 8
"""Number of conversations remembered in case they become unreadable."""
UNREADABLE = 10**9, 10**15
"""Above the conversation and turn numbers of an unreadable file."""

MEANWHILE = "Kept in memory until it can be."
READ_ONLY = "Nothing is saved: the data folder cannot be written to."
REFUSED = (
    "A part was not stored because another program changed it. It is written to a file when you "
    "leave."
)


class Holding:
    """A file of conversations, and a second store in memory for changes that it cannot take.

    A conversation is copied into memory when a change of it cannot be written. From then on, all
    changes are applied and queued there, in one order, until ``retry`` has written them in one
    transaction; then memory is empty again.

    Rows added in memory keep their numbers in the file. They start far enough after the last ones
    of the file that no other process reaches them meanwhile.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file; if that fails, use only memory."""
        self._path = path
        self.disk: Store | None = None
        """The file; None while it cannot be opened."""
        self.memory = Store(Path(":memory:"))
        self.trouble = ""
        """Why not everything is on the disk, in one sentence; empty if it is."""
        self._held: set[int | None] = set()
        """Conversations in memory; None is the draft for a new one."""
        self._temporary: set[int] = set()
        self._queue: list[Change] = []
        self._refused: list[Change] = []
        self._known: dict[int, Conversation] = {}
        self._growing: dict[int, tuple[int, Turn]] = {}
        self._opened = 0
        self._open()

    # Where things are

    @property
    def others(self) -> tuple[int, int] | None:
        """Return something that changes when somebody else writes to the file; None if it is
        unreadable.
        """
        if self.disk is None:
            return None
        try:
            return self._opened, self.disk.others
        except LocalqwqError:
            return None

    @property
    def inside(self) -> set[int]:
        """Return the conversations in memory, instead of the file or exclusively."""
        return self._temporary | {one for one in self._held if one is not None}

    def store_of(self, conversation: int | None) -> Store:
        """Return the store with the current state of this conversation."""
        if conversation in self._held or is_temporary(conversation) or self.disk is None:
            return self.memory
        return self.disk

    def place_of(self, turn: int) -> int:
        """Return the conversation of a turn; raises LocalqwqError if there is none."""
        if turn in self._growing:
            return self._growing[turn][0]
        for store in (self.memory, self.disk):
            place = store.place_of(turn) if store else None
            if place is not None:
                return place
        raise LocalqwqError(f"Turn {turn} is gone from the store of conversations.")

    def remember(self, found: Conversation) -> Conversation:
        """Remember a conversation that has just been read, and return it."""
        self._known.pop(found.id, None)
        self._known[found.id] = found
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]
        return found

    def remember_turn(self, conversation: int, turn: Turn) -> None:
        """Remember the turn that a conversation is at now."""
        known = self._known.get(conversation)
        if known is not None and (turn.parent is None or turn.parent in known.turns):
            self._known[conversation] = known.grown(turn)

    def grow(self, conversation: int, turn: Turn) -> None:
        """Remember a running turn as far as it is written; forget one that has ended."""
        if turn.status == "running":
            self._growing[turn.id] = conversation, turn
        else:
            self._growing.pop(turn.id, None)

    def growing(self, turn: int) -> Turn | None:
        """Return a running turn, as far as it is written."""
        return self._growing[turn][1] if turn in self._growing else None

    # Changes

    def change(
        self,
        conversation: int | None,
        work: Callable[[Store], Result],
        noted: Callable[[Result], Iterable[Change]],
    ) -> Result:
        """Make a change in the file, or else in memory; ``noted`` describes it for the queue."""
        if is_temporary(conversation):
            return work(self.memory)
        if self.disk is not None and not self._held:
            try:
                return work(self.disk)
            except NotStoredError as error:
                self.trouble = _sentence(error)
        self._hold(conversation)
        result = work(self.memory)
        changes = list(noted(result))  # which may drop some queued ones
        self._queue += changes
        return result

    def supersede(self, is_old: Callable[[Change], bool]) -> None:
        """Drop queued changes that the next one makes obsolete."""
        self._queue = [change for change in self._queue if not is_old(change)]

    def take_new(self, conversation: Conversation) -> None:
        """Register a conversation that began in memory: queued, or temporary."""
        if is_temporary(conversation.id):
            if not self._held:
                self.memory.number_from(*self._free_numbers())
            self._temporary.add(conversation.id)
            self.memory.take_conversation(conversation)
        else:
            self._held.add(conversation.id)

    def retry(self, patience: float = 0.0) -> None:
        """Try to write queued changes, waiting up to ``patience`` seconds for another process."""
        if not self.trouble:
            return
        if self.disk is None or self.disk.only_reads:
            self._open()
        if self.disk is None or self.disk.only_reads:
            return
        self.disk.wait_for_others(patience)
        try:
            self._write(self.disk)
        except LocalqwqError as error:
            self.trouble = _sentence(error)
        finally:
            self.disk.wait_for_others(PATIENCE_SECONDS)

    def close(self) -> str:
        """Write queued changes to the file, or else to another one.

        Returns a sentence about the latter; empty if everything is in the file.
        """
        if self._held:
            self.retry(LEAVING_SECONDS)
        left = [*self._refused, *self._queue]
        sentence = unsaved.save(left, self._beginnings(left)) if left else ""
        if self.disk is not None:
            self.disk.close()
        self.memory.close()
        return sentence

    # Internals

    def _open(self) -> None:
        """Open or reopen the file."""
        if self.disk is not None:
            self.disk.close()
            self.disk = None
        self._opened += 1
        try:
            self.disk = Store(self._path, PATIENCE_SECONDS)
        except LocalqwqError as error:
            self.trouble = f"Nothing is saved: {reason_of(error)}."
        else:
            self.trouble = READ_ONLY if self.disk.only_reads else ""

    def _write(self, disk: Store) -> None:
        refused: list[Change] = []
        with disk.together():
            for change in self._queue:
                try:
                    change.apply(disk)
                except NotStoredError:
                    raise
                except LocalqwqError:  # another process has changed what it refers to
                    refused.append(change)
        self._refused += refused
        self._queue.clear()
        for conversation in self._held:
            self.memory.drop(conversation)
        self._held.clear()
        self.trouble = REFUSED if self._refused else ""
        with suppress(LocalqwqError):
            disk.tidy()

    def _hold(self, conversation: int | None) -> None:
        """Copy a conversation into memory, where it is changed from now on."""
        if not self._held:
            self.memory.number_from(*self._free_numbers())
        if conversation in self._held:
            return
        try:
            if self.disk is None:
                self._recall(conversation)
            else:
                self.disk.lend(conversation, self.memory)
        except LocalqwqError:  # it cannot even be read
            self._recall(conversation)
        self._held.add(conversation)

    def _recall(self, conversation: int | None) -> None:
        """Recreate in memory what is known of a conversation without the file."""
        if conversation is None:
            return
        known = self._known.get(conversation)
        if known is None:
            raise LocalqwqError("The conversation cannot be read right now.")
        growing = {turn.id: turn for place, turn in self._growing.values() if place == known.id}
        with self.memory.together():
            self.memory.take_conversation(known)
            for _, turn in sorted({**known.turns, **growing}.items()):
                self.memory.take_turn(conversation, turn)
            self.memory.move_head(conversation, max(growing, default=known.head))

    def _free_numbers(self) -> tuple[int, int]:
        """Return the numbers after which conversations and turns in memory are numbered."""
        conversation, turn = UNREADABLE
        if self.disk is not None:
            with suppress(LocalqwqError):
                conversation, turn = self.disk.last_numbers()
        _, ours = self.memory.last_numbers()
        turn = max(turn, ours)
        return conversation + random.randrange(100, 10**4), turn + random.randrange(10**6, 10**9)

    def _beginnings(self, changes: Iterable[Change]) -> dict[int, float]:
        """Return when the conversations of these changes began, as far as known."""
        found = {}
        for number in {change.conversation for change in changes}:
            if number is not None and (began := self.memory.beginning(number)) is not None:
                found[number] = began
        return found


def _sentence(error: LocalqwqError) -> str:
    return f"Not stored: {reason_of(error)}. {MEANWHILE}"
