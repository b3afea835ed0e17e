"""Copying rows from one store to another, and reserving numbers."""

from __future__ import annotations

from localqwq.conversations.file import StoreFile

_TURNS = "turn IN (SELECT id FROM turns WHERE conversation IS ?)"
_TABLES = {
    "conversations": "id IS ?",
    "turns": "conversation IS ?",
    "journal": _TURNS,
    "removals": _TURNS,
    "attachments": _TURNS,
    "rounds": _TURNS,
    "calls": _TURNS,
    "drafts": "conversation IS ?",
}
"""The tables of a conversation, or of the draft for a new one."""


class Copies:
    """Shares the conversations of one store with another."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def lend(self, conversation: int | None, to: StoreFile) -> None:
        """Copy a conversation, including removed turns, to a store that does not have it.

        None means the draft for a new conversation.
        """
        with self._file.reading(), to.writing():
            # The head refers to a turn that is copied later.
            to.connection.execute("PRAGMA defer_foreign_keys = ON")
            for table, belongs in _TABLES.items():
                query = f"SELECT * FROM {table} WHERE {belongs}"
                rows = self._file.rows(query, conversation)
                if rows:
                    names, places = ", ".join(rows[0].keys()), ", ".join("?" * len(rows[0]))
                    to.connection.executemany(
                        f"INSERT INTO {table} ({names}) VALUES ({places})", map(tuple, rows)
                    )

    def drop(self, conversation: int | None) -> None:
        """Delete a conversation permanently, or the draft for a new one."""
        with self._file.writing():
            self._file.connection.execute("PRAGMA defer_foreign_keys = ON")
            for table, belongs in reversed(_TABLES.items()):
                self._file.connection.execute(
                    f"DELETE FROM {table} WHERE {belongs}", (conversation,)
                )

    def place_of(self, turn: int) -> int | None:
        """Return the conversation of a turn; None if there is no such turn."""
        row = self._file.row("SELECT conversation FROM turns WHERE id = ?", turn)
        return None if row is None else int(row["conversation"])

    def beginning(self, conversation: int) -> float | None:
        """Return when a conversation began, even if it is deleted; None if there is none."""
        row = self._file.row("SELECT created FROM conversations WHERE id = ?", conversation)
        return None if row is None else float(row["created"])

    def last_numbers(self) -> tuple[int, int]:
        """Return the highest numbers ever used for a conversation and a turn."""
        rows = self._file.rows("SELECT name, seq FROM sqlite_sequence")
        last = {row["name"]: int(row["seq"]) for row in rows}
        return last.get("conversations", 0), last.get("turns", 0)

    def number_from(self, conversation: int, turn: int) -> None:
        """Make future conversations and turns get higher numbers than these."""
        with self._file.writing():
            for table, number in (("conversations", conversation), ("turns", turn)):
                self._file.connection.execute(
                    "DELETE FROM sqlite_sequence WHERE name = ?", (table,)
                )
                self._file.connection.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number)
                )
