"""The journalled store of conversations: one SQLite file, written as things happen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from localqwq.conversations import writer
from localqwq.conversations.copying import Copies
from localqwq.conversations.file import NotStoredError, StoreFile
from localqwq.conversations.imported import Imported
from localqwq.conversations.library import Library
from localqwq.conversations.reading import Reader
from localqwq.conversations.rounds import Round, StoredCall
from localqwq.conversations.schema import BUSY_SECONDS
from localqwq.conversations.search import Search
from localqwq.conversations.turn_rows import TurnRows
from localqwq.conversations.turns import (
    Attachment,
    Conversation,
    Measures,
    Status,
    Turn,
    leaf,
    siblings,
    title,
)
from localqwq.errors import LocalqwqError

LOST_NOTE = "localqwq ended while this was being written."

_REMOVE = """WITH RECURSIVE behind (id) AS (
                 SELECT :turn UNION ALL
                 SELECT turns.id FROM turns JOIN behind ON turns.parent = behind.id)
             UPDATE turns SET removal = :turn
             WHERE removal IS NULL AND id IN (SELECT id FROM behind)"""


class Store:
    """Conversations in one file, shared with other processes that have it open.

    A store belongs to the thread that created it. When a changing method returns, the change is on
    the disk.
    """

    def __init__(self, path: Path, patience: float = BUSY_SECONDS) -> None:
        """Open or create the file, and tidy it up if possible.

        ``patience``: seconds that a change waits for another writing process.
        """
        self._file = StoreFile(path, patience)
        self._reader = reader = Reader(self._file)
        library, copies = Library(self._file, reader), Copies(self._file)

        self.copy_to, self.together = self._file.copy_to, self._file.writing
        self.newest, self.search = reader.newest, Search(self._file).search
        self.is_new_one_newer = reader.is_new_one_newer
        self.draft, self.draft_time, self.set_draft = (
            reader.draft,
            reader.draft_time,
            library.set_draft,
        )
        self.rename, self.pin = library.rename, library.pin
        self.set_settings, self.set_system = library.set_settings, library.set_system
        self.delete, self.last_deleted = library.delete, library.last_deleted
        self.restore, self.restore_last = library.restore, library.restore_last
        self.drop, self.place_of = copies.drop, copies.place_of
        self.beginning, self.last_numbers = copies.beginning, copies.last_numbers
        self.number_from = copies.number_from

        self._rows = TurnRows(self._file, reader, writer.this_process())
        self._purge = library.purge
        self._lend = copies.lend
        with suppress(NotStoredError):
            self.tidy()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def only_reads(self) -> bool:
        """Whether the file is read-only."""
        return self._file.only_reads

    def wait_for_others(self, seconds: float) -> None:
        """Set the maximum seconds to wait for another writing process."""
        self._file.patience = seconds

    @property
    def others(self) -> int:
        """Return a number that changes when another process or store writes."""
        return self._reader.others

    def tidy(self) -> None:
        """Mark turns whose writer died as lost, and delete what was removed long ago."""
        self._recover()
        self._purge(time.time())

    def lend(self, conversation: int | None, to: Store) -> None:
        """Copy a conversation, including removed turns, to a store that does not have it.

        None means the draft for a new conversation.
        """
        self._lend(conversation, to._file)

    def all(self) -> Iterator[Conversation]:
        """Yield every listed conversation, the oldest first."""
        return map(self.get, self._reader.numbers())

    def last(self) -> Conversation | None:
        """Return the conversation that was last written to; None if there is none."""
        last = self._reader.last()
        return None if last is None else self.get(last)

    def get(self, conversation: int) -> Conversation:
        """Return a conversation with all of its turns; raises UnknownConversationError."""
        found = self._reader.get(conversation)
        if all(turn.status != "running" for turn in found.turns.values()):
            return found
        try:
            return self._reader.get(conversation) if self._recover() else found
        except NotStoredError:
            lost = self._abandoned()
            return replace(
                found,
                turns={
                    number: replace(turn, status="lost", note=LOST_NOTE) if number in lost else turn
                    for number, turn in found.turns.items()
                },
            )

    # Turns

    def create(
        self, prompt: str, system: str = "", attachments: Sequence[Attachment] = ()
    ) -> Conversation:
        """Create a conversation with its first prompt; none is ever stored empty."""
        name = title(prompt) or title(attachments[0].name if attachments else "")
        with self._file.writing():
            now = time.time()
            cursor = self._file.connection.execute(
                "INSERT INTO conversations (title, system, created, updated) VALUES (?, ?, ?, ?)",
                (name, system, now, now),
            )
            conversation = int(cursor.lastrowid or 0)
            new = Turn(0, None, "user", prompt, attachments=tuple(attachments))
            self._rows.add(conversation, new)
            return self.get(conversation)

    def add_prompt(
        self,
        conversation: int,
        parent: int | None,
        text: str,
        attachments: Sequence[Attachment] = (),
    ) -> Turn:
        """Add a user's turn after ``parent`` and make it the head."""
        with self._file.writing():
            new = Turn(0, parent, "user", text, attachments=tuple(attachments))
            return self._reader.turn(self._rows.add(conversation, new))

    def start_answer(
        self,
        conversation: int,
        parent: int,
        model: str,
        thought: str = "",
        text: str = "",
        rounds: tuple[Round, ...] = (),
    ) -> Turn:
        """Add a running assistant's turn after ``parent`` and make it the head.

        It begins with ``rounds``, ``thought`` and ``text``, if an answer is continued.
        """
        new = Turn(0, parent, "assistant", status="running", model=model, rounds=rounds)
        with self._file.writing():
            turn = self._rows.add(conversation, new)
            self._rows.append(turn, thought, text)
            return self._reader.turn(turn)

    def append(
        self, turn: int, thought: str, text: str, measures: Measures, piece: int | None = None
    ) -> int:
        """Append the text generated since the last call to the journal; return its number there.

        ``piece``: its existing number, if any; nothing is added twice.
        """
        with self._file.writing():
            number = self._rows.append(turn, thought, text, piece)
            self._rows.measure(turn, measures)
        return number

    def end_round(self, turn: int, number: int, calls: Sequence[StoredCall]) -> None:
        """Make all text so far of a running turn its round ``number``, which made these calls."""
        with self._file.writing():
            self._rows.end_round(turn, number, calls)

    def end_call(self, turn: int, number: int, call: StoredCall) -> None:
        """Store what came of a call of a round, or what the model read of it."""
        with self._file.writing():
            self._rows.end_call(turn, number, call)

    def rewrite(self, turn: int, thought: str, text: str) -> None:
        """Replace all text so far of a running turn."""
        with self._file.writing():
            self._rows.rewrite(turn, thought, text)

    def finish(
        self,
        turn: int,
        status: Status,
        thought: str,
        text: str,
        measures: Measures,
        note: str = "",
    ) -> Turn:
        """End a running turn with the last pieces of its thought and answer."""
        with self._file.writing():
            self._rows.append(turn, thought, text)
            self._rows.measure(turn, measures)
            self._rows.fold(turn, status, note)
            return self._reader.turn(turn)

    def move_head(self, conversation: int, head: int | None) -> None:
        """Continue the conversation after ``head``; later turns remain as a branch."""
        with self._file.writing():
            self._rows.move(conversation, head)

    def remove_turn(self, turn: int) -> int | None:
        """Remove a turn and all after it, and return the head of the rest.

        If the head was among them, the new one is the end of the neighbouring branch, or the turn
        before it. ``restore_turn`` can undo it for 30 days.
        """
        with self._file.writing():
            conversation, head = self._rows.place(turn)
            before = {other.id: other for other in self._rows.visible(conversation)}
            if turn not in before:
                return head
            self._file.connection.execute(_REMOVE, {"turn": turn})
            left = {other.id: other for other in self._rows.visible(conversation)}
            inside = head is not None and head not in left
            self._file.connection.execute(
                "INSERT INTO removals (turn, head, removed) VALUES (?, ?, ?)",
                (turn, head if inside else None, time.time()),
            )
            if inside:
                beside = [other.id for other in siblings(before, turn) if other.id != turn]
                older = [other for other in beside if other < turn]
                near = older[-1:] or beside[:1]
                head = leaf(left, near[0]) if near else before[turn].parent
                self._rows.move(conversation, head)
        return head

    def restore_turn(self, turn: int) -> int | None:
        """Undo ``remove_turn`` and return the head, which is where it was before."""
        with self._file.writing():
            conversation, head = self._rows.place(turn)
            row = self._file.row("SELECT head FROM removals WHERE turn = ?", turn)
            self._rows.revive(turn)
            if row is not None and row["head"] is not None:
                head = row["head"]
                self._rows.move(conversation, head)
        return head

    def add_imported(self, imported: Imported) -> int:
        """Store a conversation read from a file and return its id."""
        with self._file.writing():
            cursor = self._file.connection.execute(
                "INSERT INTO conversations (title, system, created, updated, pinned, settings)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    imported.title,
                    imported.system,
                    imported.created,
                    imported.updated,
                    int(imported.pinned),
                    json.dumps(dict(imported.settings), ensure_ascii=False),
                ),
            )
            conversation = int(cursor.lastrowid or 0)
            stored: dict[int | None, int | None] = {None: None}
            for turn in imported.turns:
                new = replace(turn, id=0)
                stored[turn.id] = self._rows.insert(conversation, stored[turn.parent], new)
            self._file.connection.execute(
                "UPDATE conversations SET head = ? WHERE id = ?",
                (stored[imported.head], conversation),
            )
        return conversation

    # What another store has taken: nothing is added twice

    def take_conversation(self, conversation: Conversation) -> None:
        """Add a conversation with its number, without its turns."""
        with self._file.writing():
            self._file.connection.execute(
                "INSERT INTO conversations (id, title, system, created, updated)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    conversation.id,
                    conversation.title,
                    conversation.system,
                    conversation.created,
                    conversation.updated,
                ),
            )

    def take_turn(self, conversation: int, turn: Turn) -> None:
        """Add a turn with its number and make it the head."""
        with self._file.writing():
            row = self._file.row("SELECT conversation FROM turns WHERE id = ?", turn.id)
            if row is None:
                self._rows.add(conversation, turn)
            elif row["conversation"] != conversation:
                raise LocalqwqError(f"Turn {turn.id} now belongs to another conversation.")

    def take_end(self, turn: Turn) -> None:
        """Store the end of a turn, with all of its text."""
        with self._file.writing():
            self._reader.turn(turn.id)
            self._rows.measure(turn.id, turn.measures)
            self._rows.end(turn.id, turn)

    # Turns whose writer died

    def _recover(self) -> bool:
        """Mark abandoned running turns as ``lost``, keeping their text."""
        with self._file.reading():
            if not self._abandoned():
                return False
        with self._file.writing():
            for turn in self._abandoned():
                self._rows.fold(turn, "lost", LOST_NOTE)
        return True

    def _abandoned(self) -> list[int]:
        """Return running turns whose writer has died."""
        rows = self._file.rows("SELECT id, writer FROM turns WHERE status = 'running'")
        return [row["id"] for row in rows if not writer.is_alive(row["writer"])]
