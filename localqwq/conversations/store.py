"""The journalled store of conversations: one SQLite file, written as things happen."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from localqwq.conversations import writer
from localqwq.conversations.copying import Copies
from localqwq.conversations.file import NotStoredError
from localqwq.conversations.imported import Imported
from localqwq.conversations.library import Library
from localqwq.conversations.schema import BUSY_SECONDS
from localqwq.conversations.search import Search
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

LOST_NOTE = "localqwq was ended while this was being written."

_MEASURES = """seconds = :seconds, thought_seconds = :thought_seconds, tokens = :tokens,
               thought_tokens = :thought_tokens, context_tokens = :context_tokens, rate = :rate"""
_ABOVE = """WITH RECURSIVE above (id, parent, removal) AS (
                SELECT id, parent, removal FROM turns WHERE id = ? UNION ALL
                SELECT turns.id, turns.parent, turns.removal
                FROM turns JOIN above ON turns.id = above.parent)
            SELECT DISTINCT removal FROM above WHERE removal IS NOT NULL"""
_REMOVE = """WITH RECURSIVE behind (id) AS (
                 SELECT :turn UNION ALL
                 SELECT turns.id FROM turns JOIN behind ON turns.parent = behind.id)
             UPDATE turns SET removal = :turn
             WHERE removal IS NULL AND id IN (SELECT id FROM behind)"""


class Store(Library, Search, Copies):
    """Conversations in one file, shared with whatever other processes have it open.

    A store belongs to the thread that made it. Every method that changes something has reached
    the disk when it returns.
    """

    def __init__(self, path: Path, patience: float = BUSY_SECONDS) -> None:
        """Opens or makes the file, and tidies it up if that can be done now.

        `patience`: for so many seconds a change waits for another process that writes.
        """
        super().__init__(path, patience)
        self._writer = writer.this_process()
        with suppress(NotStoredError):
            self.tidy()

    def tidy(self) -> None:
        """Marks turns whose writer died as lost, and forgets what was deleted long ago."""
        self._recover()
        self._purge(time.time())

    def get(self, conversation: int) -> Conversation:
        """A conversation with all of its turns; raises UnknownConversationError."""
        found = super().get(conversation)
        if all(turn.status != "running" for turn in found.turns.values()):
            return found
        try:
            return super().get(conversation) if self._recover() else found
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
        """A new conversation with its first prompt; none is ever stored empty."""
        name = title(prompt) or title(attachments[0].name if attachments else "")
        with self._writing():
            now = time.time()
            cursor = self._connection.execute(
                "INSERT INTO conversations (title, system, created, updated) VALUES (?, ?, ?, ?)",
                (name, system, now, now),
            )
            conversation = int(cursor.lastrowid or 0)
            new = Turn(0, None, "user", prompt, attachments=tuple(attachments))
            self._add(conversation, new)
            return self.get(conversation)

    def add_prompt(
        self,
        conversation: int,
        parent: int | None,
        text: str,
        attachments: Sequence[Attachment] = (),
    ) -> Turn:
        """A user's turn after `parent`; it becomes the head."""
        with self._writing():
            new = Turn(0, parent, "user", text, attachments=tuple(attachments))
            return self._turn(self._add(conversation, new))

    def start_answer(
        self, conversation: int, parent: int, model: str, thought: str = "", text: str = ""
    ) -> Turn:
        """An assistant's turn after `parent`, running from now on; it becomes the head.

        It begins with `thought` and `text`, where somebody edited an answer to go on from.
        """
        with self._writing():
            turn = self._add(
                conversation, Turn(0, parent, "assistant", status="running", model=model)
            )
            self._append(turn, thought, text)
            return self._turn(turn)

    def append(
        self, turn: int, thought: str, text: str, measures: Measures, piece: int | None = None
    ) -> int:
        """Puts what was generated since the last call into the journal; returns its number there.

        `piece`: the number that it has already; nothing is put there twice.
        """
        with self._writing():
            number = self._append(turn, thought, text, piece)
            self._measure(turn, measures)
        return number

    def finish(
        self,
        turn: int,
        status: Status,
        thought: str,
        text: str,
        measures: Measures,
        note: str = "",
    ) -> Turn:
        """Ends a running turn with the last pieces of its thought and answer."""
        with self._writing():
            self._append(turn, thought, text)
            self._measure(turn, measures)
            self._fold(turn, status, note)
            return self._turn(turn)

    def move_head(self, conversation: int, head: int | None) -> None:
        """The conversation goes on after `head`; the turns behind it stay as a branch."""
        with self._writing():
            self._move(conversation, head)

    def remove_turn(self, turn: int) -> int | None:
        """Takes a turn and all behind it away and returns the head of what is left.

        Where the head was among them, that is the end of the branch beside it, or the turn
        before it. `restore_turn` undoes it for 30 days.
        """
        with self._writing():
            conversation, head = self._place(turn)
            before = {other.id: other for other in self._visible(conversation)}
            if turn not in before:
                return head
            self._connection.execute(_REMOVE, {"turn": turn})
            left = {other.id: other for other in self._visible(conversation)}
            inside = head is not None and head not in left
            self._connection.execute(
                "INSERT INTO removals (turn, head, removed) VALUES (?, ?, ?)",
                (turn, head if inside else None, time.time()),
            )
            if inside:
                beside = [other.id for other in siblings(before, turn) if other.id != turn]
                older = [other for other in beside if other < turn]
                near = older[-1:] or beside[:1]
                head = leaf(left, near[0]) if near else before[turn].parent
                self._move(conversation, head)
        return head

    def restore_turn(self, turn: int) -> int | None:
        """Undoes `remove_turn` and returns the head, which is where it was before."""
        with self._writing():
            conversation, head = self._place(turn)
            row = self._row("SELECT head FROM removals WHERE turn = ?", turn)
            self._revive(turn)
            if row is not None and row["head"] is not None:
                head = row["head"]
                self._move(conversation, head)
        return head

    def add_imported(self, imported: Imported) -> int:
        """Stores a conversation that was read from a file; returns its id."""
        with self._writing():
            cursor = self._connection.execute(
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
                stored[turn.id] = self._insert(conversation, stored[turn.parent], new)
            self._connection.execute(
                "UPDATE conversations SET head = ? WHERE id = ?",
                (stored[imported.head], conversation),
            )
        return conversation

    # What another store has taken: nothing of it is taken twice

    def take_conversation(self, conversation: Conversation) -> None:
        """A new conversation, with its number and without its turns."""
        with self._writing():
            self._connection.execute(
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
        """A new turn, with its number; it becomes the head."""
        with self._writing():
            row = self._row("SELECT conversation FROM turns WHERE id = ?", turn.id)
            if row is None:
                self._add(conversation, turn)
            elif row["conversation"] != conversation:
                raise LocalqwqError(f"Turn {turn.id} belongs to another conversation by now.")

    def take_end(self, turn: Turn) -> None:
        """The end of a turn, with all of its text."""
        with self._writing():
            self._turn(turn.id)
            self._measure(turn.id, turn.measures)
            self._end(turn.id, turn)

    # Inside transactions

    def _add(self, conversation: int, new: Turn) -> int:
        """A new turn at the head; what was deleted around it comes back."""
        now = new.created or time.time()
        turn = self._insert(conversation, new.parent, replace(new, created=now))
        self._connection.execute(
            "UPDATE conversations SET updated = ?, deleted = NULL WHERE id = ?",
            (now, conversation),
        )
        self._move(conversation, turn)
        return turn

    def _insert(self, conversation: int, parent: int | None, turn: Turn) -> int:
        """A new turn; it gets a number if it has none."""
        cursor = self._connection.execute(
            "INSERT INTO turns (id, conversation, parent, role, status, text, thought, model,"
            " created, note, writer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                turn.id or None,
                conversation,
                parent,
                turn.role,
                turn.status,
                turn.text,
                turn.thought,
                turn.model,
                turn.created,
                turn.note,
                self._writer if turn.status == "running" else "",
            ),
        )
        number = int(cursor.lastrowid or 0)
        self._measure(number, turn.measures)
        self._attach(number, turn.attachments)
        return number

    def _attach(self, turn: int, attachments: Sequence[Attachment]) -> None:
        self._connection.executemany(
            "INSERT INTO attachments (turn, position, name, text, tokens) VALUES (?, ?, ?, ?, ?)",
            [
                (turn, position, attachment.name, attachment.text, attachment.tokens)
                for position, attachment in enumerate(attachments)
            ],
        )

    def _append(self, turn: int, thought: str, text: str, piece: int | None = None) -> int:
        if piece is None:
            query = "SELECT coalesce(max(piece), -1) + 1 AS next FROM journal WHERE turn = ?"
            row = self._row(query, turn)
            piece = int(row["next"]) if row else 0
        if thought or text:
            self._connection.execute(
                "INSERT INTO journal (turn, piece, thought, text) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (turn, piece, thought, text),
            )
        return piece

    def _measure(self, turn: int, measures: Measures) -> None:
        values = {name: getattr(measures, name) for name in Measures.__slots__}
        self._connection.execute(
            f"UPDATE turns SET {_MEASURES} WHERE id = :id", values | {"id": turn}
        )

    def _fold(self, turn: int, status: Status, note: str) -> None:
        """Moves the journal of a turn into the turn."""
        self._end(turn, replace(self._turn(turn), status=status, note=note))

    def _end(self, turn: int, ended: Turn) -> None:
        self._connection.execute(
            "UPDATE turns SET thought = ?, text = ?, status = ?, note = ?, writer = ''"
            " WHERE id = ?",
            (ended.thought, ended.text, ended.status, ended.note, turn),
        )
        self._connection.execute("DELETE FROM journal WHERE turn = ?", (turn,))

    def _recover(self) -> bool:
        """Turns that nobody writes any more become `lost`, with the text they had."""
        with self._reading():
            if not self._abandoned():
                return False
        with self._writing():
            for turn in self._abandoned():
                self._fold(turn, "lost", LOST_NOTE)
        return True

    def _abandoned(self) -> list[int]:
        """Running turns whose writer has died."""
        rows = self._rows("SELECT id, writer FROM turns WHERE status = 'running'")
        return [row["id"] for row in rows if not writer.is_alive(row["writer"])]

    def _move(self, conversation: int, head: int | None) -> None:
        if head is not None:
            self._revive(head)
        self._connection.execute(
            "UPDATE conversations SET head = ? WHERE id = ?", (head, conversation)
        )

    def _revive(self, turn: int) -> None:
        """Undoes every removal that hides a turn or one before it."""
        if self._row("SELECT 1 FROM turns WHERE removal IS NOT NULL LIMIT 1") is None:
            return  # to walk up a long conversation takes longer than all else of a new turn
        for row in self._rows(_ABOVE, turn):
            removal = (row["removal"],)
            self._connection.execute("UPDATE turns SET removal = NULL WHERE removal = ?", removal)
            self._connection.execute("DELETE FROM removals WHERE turn = ?", removal)

    def _place(self, turn: int) -> tuple[int, int | None]:
        """The conversation of a turn, and where that stands."""
        row = self._row(
            "SELECT conversations.id, head FROM conversations"
            " JOIN turns ON turns.conversation = conversations.id WHERE turns.id = ?",
            turn,
        )
        if row is None:
            self._turn(turn)  # says that it is gone
            raise AssertionError
        return row["id"], row["head"]

    def _visible(self, conversation: int) -> list[Turn]:
        return self._turns("conversation = ? AND removal IS NULL", conversation)
