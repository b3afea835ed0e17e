"""The journalled store of conversations: one SQLite file, written as things happen."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from localqwq.conversations import schema, writer
from localqwq.conversations.turns import Conversation, Measures, Status, Turn, title
from localqwq.errors import LocalqwqError

LOST_NOTE = "localqwq was ended while this was being written."

_TURN = """SELECT id, parent, role, text, thought, status, model, created, note, seconds,
           thought_seconds, tokens, thought_tokens, context_tokens, rate FROM turns"""
_MEASURES = """seconds = :seconds, thought_seconds = :thought_seconds, tokens = :tokens,
               thought_tokens = :thought_tokens, context_tokens = :context_tokens, rate = :rate"""


class UnknownConversationError(LocalqwqError):
    """There is no conversation with that id."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation in a list."""

    id: int
    title: str
    updated: float
    """Seconds since the epoch."""


class Store:
    """Conversations in one file, shared with whatever other processes have it open.

    A store belongs to the thread that made it. Every method that changes something has reached
    the disk when it returns.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file, and marks turns whose writer died as lost."""
        try:
            self._connection = schema.connect(str(path))
        except schema.NewerSchemaError:
            raise LocalqwqError(
                f"{path} was written by a newer localqwq; update this one, or move the file away."
            ) from None
        except sqlite3.Error as error:
            raise LocalqwqError(
                f"{path} cannot be opened as the store of conversations ({error}); move it away "
                "to begin with an empty one."
            ) from error
        self._writer = writer.this_process()
        self._recover()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    # Reading

    def get(self, conversation: int) -> Conversation:
        """A conversation with all of its turns; raises UnknownConversationError."""
        with self._reading():
            row = self._row("SELECT * FROM conversations WHERE id = ?", conversation)
            if row is None:
                raise UnknownConversationError(self._unknown(conversation))
            rows = self._connection.execute(f"{_TURN} WHERE conversation = ?", (conversation,))
            turns = {row["id"]: self._turn(row) for row in rows}
        return Conversation(**dict(row), turns=turns)

    def last(self) -> Conversation | None:
        """The conversation that was written to last; None when there is none."""
        found = self.newest(limit=1)
        return self.get(found[0].id) if found else None

    def newest(self, limit: int = 50) -> list[Summary]:
        """The newest conversations, the last one written to first."""
        rows = self._connection.execute(
            "SELECT id, title, updated FROM conversations ORDER BY updated DESC, id DESC LIMIT ?",
            (limit,),
        )
        return [Summary(**dict(row)) for row in rows]

    # Writing

    def create(self, prompt: str, system: str = "") -> Conversation:
        """A new conversation with its first prompt; none is ever stored empty."""
        with self._writing():
            now = time.time()
            cursor = self._connection.execute(
                "INSERT INTO conversations (title, system, created, updated) VALUES (?, ?, ?, ?)",
                (title(prompt), system, now, now),
            )
            conversation = int(cursor.lastrowid or 0)
            self._add(conversation, None, "user", prompt)
        return self.get(conversation)

    def add_prompt(self, conversation: int, parent: int | None, text: str) -> Turn:
        """A user's turn after `parent`; it becomes the head."""
        with self._writing():
            turn = self._add(conversation, parent, "user", text)
        return self._get(turn)

    def start_answer(self, conversation: int, parent: int, model: str) -> Turn:
        """An assistant's turn after `parent`, running from now on; it becomes the head."""
        with self._writing():
            turn = self._add(conversation, parent, "assistant", "", model)
        return self._get(turn)

    def append(self, turn: int, thought: str, text: str, measures: Measures) -> None:
        """Puts what was generated since the last call into the journal."""
        with self._writing():
            self._append(turn, thought, text)
            self._connection.execute(
                f"UPDATE turns SET {_MEASURES} WHERE id = :id", _values(measures) | {"id": turn}
            )

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
            self._connection.execute(
                f"UPDATE turns SET {_MEASURES} WHERE id = :id", _values(measures) | {"id": turn}
            )
            self._fold(turn, status, note)
        return self._get(turn)

    def move_head(self, conversation: int, head: int | None) -> None:
        """The conversation goes on after `head`; the turns behind it stay as a branch."""
        with self._writing():
            self._connection.execute(
                "UPDATE conversations SET head = ? WHERE id = ?", (head, conversation)
            )

    # Inside transactions

    def _add(
        self, conversation: int, parent: int | None, role: str, text: str, model: str = ""
    ) -> int:
        running = role == "assistant"
        now = time.time()
        cursor = self._connection.execute(
            "INSERT INTO turns (conversation, parent, role, status, text, model, created, writer)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                conversation,
                parent,
                role,
                "running" if running else "done",
                text,
                model,
                now,
                self._writer if running else "",
            ),
        )
        self._connection.execute(
            "UPDATE conversations SET head = ?, updated = ? WHERE id = ?",
            (cursor.lastrowid, now, conversation),
        )
        return int(cursor.lastrowid or 0)

    def _append(self, turn: int, thought: str, text: str) -> None:
        if thought or text:
            self._connection.execute(
                "INSERT INTO journal (turn, piece, thought, text) SELECT ?, count(*), ?, ?"
                " FROM journal WHERE turn = ?",
                (turn, thought, text, turn),
            )

    def _fold(self, turn: int, status: Status, note: str) -> None:
        """Moves the journal of a turn into the turn."""
        thought, text = self._journal(turn)
        self._connection.execute(
            "UPDATE turns SET thought = ?, text = ?, status = ?, note = ?, writer = ''"
            " WHERE id = ?",
            (thought, text, status, note, turn),
        )
        self._connection.execute("DELETE FROM journal WHERE turn = ?", (turn,))

    def _recover(self) -> None:
        """Turns that nobody writes any more become `lost`, with the text they had."""
        select = "SELECT id, writer FROM turns WHERE status = 'running'"
        if not any(not writer.is_alive(row["writer"]) for row in self._connection.execute(select)):
            return
        with self._writing():
            for row in self._connection.execute(select).fetchall():
                if not writer.is_alive(row["writer"]):
                    self._fold(row["id"], "lost", LOST_NOTE)

    # Rows

    def _row(self, query: str, *values: int) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return row

    def _get(self, turn: int) -> Turn:
        row = self._row(f"{_TURN} WHERE id = ?", turn)
        if row is None:
            raise LocalqwqError(f"Turn {turn} is gone from the store of conversations.")
        return self._turn(row)

    def _turn(self, row: sqlite3.Row) -> Turn:
        values = dict(row)
        measures = Measures(**{name: values.pop(name) for name in Measures.__slots__})
        if values["status"] == "running":
            values["thought"], values["text"] = self._journal(values["id"])
        return Turn(**values, measures=measures)

    def _journal(self, turn: int) -> tuple[str, str]:
        with closing(
            self._connection.execute(
                "SELECT thought, text FROM journal WHERE turn = ? ORDER BY piece", (turn,)
            )
        ) as cursor:
            pieces = cursor.fetchall()
        return "".join(row["thought"] for row in pieces), "".join(row["text"] for row in pieces)

    def _unknown(self, conversation: int) -> str:
        found = self.newest(limit=3)
        if not found:
            return f"There is no conversation {conversation}, and no other one either."
        known = ", ".join(f"{summary.id} (“{summary.title}”)" for summary in found)
        return f"There is no conversation {conversation}; the newest are {known}."

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction that takes the write lock at once, so that it can wait for it."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise LocalqwqError(
                    f"The conversation could not be stored ({error}); see that there is room on "
                    "the disk and that the data directory may be written to."
                ) from error
            raise

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One view of the file over several queries."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")


def _values(measures: Measures) -> dict[str, float]:
    return {name: getattr(measures, name) for name in Measures.__slots__}
